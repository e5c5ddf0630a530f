// nearfar's side of tools/bench/step: whole training steps, and their networks alone, on request.
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>

#include "framework/checkpoint/tensors.h"
#include "framework/encoders/batch_norm.h"
#include "framework/error.h"
#include "framework/files/file_system.h"
#include "framework/train/fit_device.h"
#include "framework/train/module_state.h"
#include "framework/train/plan.h"

namespace nearfar {
namespace {

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// SimCLR on `data` with settings; everything that a run has but its log and checkpoints.
class Bench {
 public:
  Bench(const std::string& data, const std::vector<std::string>& settings)
      : run_(resolve(data, settings, log_)),
        training_(run_.config, run_.data.train->info(), plan_of(run_, group_), group_, at::kCPU),
        loader_(run_.data.train, training_.recipe().views(),
                loader_plan(run_, group_, training_.recipe()), log_) {
    at::set_num_threads(static_cast<int>(run_.config.threads));
    run_.config.train.precision = fit_device(run_.config, training_, group_, log_).precision;
  }

  /// Seconds of `count` steps, from views to update.
  double steps(int64_t count) {
    return seconds_of([&] {
      for (int64_t i = 0; i < count; ++i) {
        ViewBatch views = next();
        training_.train_step(views);
        loader_.recycle(std::move(views));
      }
    });
  }

  /// Seconds of `count` times forward and backward of the networks on views that lie there.
  double networks(int64_t count) {
    return seconds_of([&] {
      for (int64_t i = 0; i < count; ++i) embed(true);
    });
  }

  /// Writes the networks, the views of a batch and what becomes of them.
  void save(const std::string& path) {
    std::vector<std::pair<std::string, at::Tensor>> tensors = module_state(training_.recipe());
    const Embeddings embeddings = embed(false);
    for (size_t v = 0; v < embeddings.size(); ++v) {
      tensors.emplace_back("bench.view" + std::to_string(v), views_[v].contiguous());
      tensors.emplace_back("bench.embedding" + std::to_string(v), embeddings[v].detach());
    }
    const std::vector<uint8_t> bytes =
        encode_tensors(tensors, {{"precision", run_.config.train.precision},
                                 {"threads", std::to_string(run_.config.threads)},
                                 {"norm_batch", std::to_string(run_.config.encoder.norm_batch)}});
    replace_file(real_file_system(), path, bytes.data(), bytes.size());
  }

 private:
  static ResolvedRun resolve(const std::string& data, const std::vector<std::string>& settings,
                             Log& log) {
    RunSources sources;
    sources.assignments = {"recipe.name=simclr", "device=cpu", "data.path=" + data};
    sources.assignments.insert(sources.assignments.end(), settings.begin(), settings.end());
    return resolve_run(sources, log);
  }

  ViewBatch next() {
    if (left_ == 0) {
      const int64_t size = run_.data.train->info().size;
      loader_.begin_epoch(epoch_, epoch_order(0, epoch_, size));
      left_ = training_.plan().steps_per_epoch;
      ++epoch_;
    }
    --left_;
    return loader_.next();
  }

  Embeddings embed(bool backward) {
    if (views_.empty()) keep_views();
    Batch batch;
    batch.views = views_;
    batch.shard = {0, views_.front().size(0), views_.front().size(0)};
    *training_.gradient_plan().piece = batch.shard;
    const Embeddings embeddings =
        embed_in(training_.gradient_plan().precision, training_.recipe(), batch);
    if (backward) {
      at::Tensor sum = at::zeros({});
      for (const at::Tensor& embedding : embeddings) sum = sum + embedding.square().sum();
      sum.backward();
    }
    drop_pending_statistics(training_.recipe());
    return embeddings;
  }

  void keep_views() {
    const ViewBatch batch = next();
    for (size_t v = 0; v < batch.views.size(); ++v) {
      const Size size = batch.targets[v].size;
      const at::Tensor rows = at::tensor(batch.views[v])
                                  .view({batch.shard.size(), size.height, size.width,
                                         static_cast<int64_t>(batch.channels)});
      views_.push_back(rows.permute({0, 3, 1, 2}));
    }
  }

  Log log_;
  SoloGroup group_;
  ResolvedRun run_;
  Training training_;
  ViewLoader loader_;
  std::vector<at::Tensor> views_;
  int64_t epoch_ = 0;
  int64_t left_ = 0;
};

/// Answers lines "steps N", "networks N" and "save FILE" with one line each.
void serve(Bench& bench) {
  for (std::string what, argument; std::cin >> what >> argument;) {
    if (what == "save") {
      bench.save(argument);
      std::cout << "saved" << std::endl;
      continue;
    }
    const int64_t count = std::stoll(argument);
    std::cout << (what == "steps" ? bench.steps(count) : bench.networks(count)) << std::endl;
  }
}

}  // namespace
}  // namespace nearfar

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: bench_step DATA [key=value ...], then \"steps 5\" on stdin\n");
    return 2;
  }
  try {
    nearfar::Bench bench(argv[1], {argv + 2, argv + argc});
    nearfar::serve(bench);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
