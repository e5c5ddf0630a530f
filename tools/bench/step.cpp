// A whole training step against forward and backward of the same networks alone, interleaved.
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "framework/error.h"
#include "framework/train/plan.h"
#include "framework/train/training.h"

namespace nearfar {
namespace {

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<int64_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

/// Forward and backward of encoder and head on views that are already rendered.
void run_networks(Recipe& recipe, const Batch& batch) {
  at::Tensor sum = at::zeros({});
  for (const at::Tensor& embedding : recipe.embed(batch)) sum = sum + embedding.square().sum();
  sum.backward();
}

Batch rendered_batch(const ViewBatch& views) {
  Batch batch;
  for (size_t v = 0; v < views.views.size(); ++v) {
    batch.views.push_back(at::from_blob(const_cast<float*>(views.views[v].data()),
                                        {views.shard.size(), views.targets[v].size.height,
                                         views.targets[v].size.width, views.channels},
                                        at::kFloat)
                              .permute({0, 3, 1, 2}));
  }
  batch.shard = views.shard;
  return batch;
}

/// Seconds of interleaved repetitions.
struct Measured {
  std::vector<double> whole, networks;
};

void print(const Measured& measured, const RunConfig& config) {
  const auto images = static_cast<double>(config.train.batch);
  const double whole = median(measured.whole), networks = median(measured.networks);
  std::printf("%s, batch %.0f, %ld threads, %zu repetitions (medians)\n",
              config.encoder.name.c_str(), images, static_cast<long>(config.threads),
              measured.whole.size());
  std::printf("whole step      %8.0f images/s\n", images / whole);
  std::printf("networks alone  %8.0f images/s\n", images / networks);
  std::printf("ratio           %8.3f\n", whole / networks);
}

void measure(const std::string& data, double seconds, const std::vector<std::string>& settings) {
  Log log;
  RunSources sources;
  sources.assignments = {"recipe.name=simclr", "device=cpu", "data.path=" + data};
  sources.assignments.insert(sources.assignments.end(), settings.begin(), settings.end());
  ResolvedRun run = resolve_run(sources, log);
  at::set_num_threads(static_cast<int>(run.config.threads));
  SoloGroup group;
  Training training(run.config, run.data.train->info(), plan_of(run, group), group, at::kCPU);
  ViewLoader loader(run.data.train, training.recipe().views(), loader_plan(run, group), log);
  int64_t epoch = 0;
  int64_t left = 0;
  const auto next = [&] {
    if (left == 0) {
      loader.begin_epoch(epoch, epoch_order(0, epoch, run.data.train->info().size));
      left = training.plan().steps_per_epoch;
      ++epoch;
    }
    --left;
    return loader.next();
  };
  const ViewBatch fixed = next();
  const Batch batch = rendered_batch(fixed);
  Measured measured;
  for (double spent = 0.0; spent < seconds || measured.whole.size() < 5;
       spent += measured.whole.back() + measured.networks.back()) {
    measured.whole.push_back(seconds_of([&] {
      ViewBatch views = next();
      training.train_step(views);
      loader.recycle(std::move(views));
    }));
    measured.networks.push_back(seconds_of([&] { run_networks(training.recipe(), batch); }));
  }
  print(measured, run.config);
}

}  // namespace
}  // namespace nearfar

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: bench_step DATA [SECONDS [key=value ...]]\n");
    return 2;
  }
  try {
    nearfar::measure(argv[1], argc > 2 ? std::atof(argv[2]) : 30.0,
                     {argv + std::min(argc, 3), argv + argc});
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
