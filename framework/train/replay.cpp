// The step again, looked at from one end to the other.
#include "framework/train/replay.h"

#include <ATen/Parallel.h>

#include <cmath>
#include <filesystem>

#include "framework/error.h"
#include "framework/files/file_system.h"
#include "framework/log/quantities.h"
#include "framework/train/divergence.h"
#include "framework/train/module_state.h"
#include "framework/train/operation_watch.h"
#include "framework/train/plan.h"
#include "framework/train/training.h"

namespace nearfar {
namespace {

constexpr size_t kNamed = 3;  // things that a sentence names before it counts the rest

std::string listing(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kNamed); ++i) {
    text += (i == 0 ? "" : ", ") + names[i];
  }
  if (names.size() > kNamed) text += " and " + std::to_string(names.size() - kNamed) + " more";
  return text;
}

std::string of(size_t some, size_t all) {
  return std::to_string(some) + " of " + std::to_string(all);
}

bool is_finite(const at::Tensor& tensor) {
  return !tensor.is_floating_point() || tensor.isfinite().all().item<bool>();
}

std::vector<int64_t> rows_not_finite(const at::Tensor& values) {
  const at::Tensor bad = values.isfinite().logical_not().reshape({values.size(0), -1}).any(1);
  const at::Tensor found = bad.nonzero().cpu();
  return {found.data_ptr<int64_t>(), found.data_ptr<int64_t>() + found.numel()};
}

/// A step in the course of being looked at.
class Inspection {
 public:
  Inspection(const Divergence& divergence, Training& training)
      : divergence_(divergence), training_(training) {}

  ReplayResult look(const ViewBatch& views) {
    const at::NoGradGuard no_grad;
    look_at_state();
    permutation_ = views.permutation;
    const Batch batch = training_.make_batch(views);
    for (size_t v = 0; v < batch.views.size(); ++v) {
      const bool is_shuffled = !views.shuffled_views.empty() && views.shuffled_views[v];
      const auto rows = rows_not_finite(batch.views[v]);
      say_rows("view " + of(v + 1, batch.views.size()), batch.views[v].size(0), rows.size(),
               images(is_shuffled ? shuffled(rows) : rows));
    }
    run(batch);
    look_at_gradients();
    result_.reproduced =
        !state_is_finite_ || !std::isfinite(result_.loss) || !std::isfinite(result_.gradient_norm);
    return std::move(result_);
  }

 private:
  void say(const std::string& finding) { result_.findings.push_back(finding); }

  void look_at_state() {
    std::vector<std::string> bad;
    for (const auto& [name, tensor] : module_state(training_.recipe())) {
      if (!is_finite(tensor)) bad.push_back(name);
    }
    state_is_finite_ = bad.empty();
    say(bad.empty() ? "state before the step: finite"
                    : "state before the step: not finite: " + listing(bad));
  }

  /// The images that rows of shuffled views show.
  std::vector<int64_t> shuffled(std::vector<int64_t> rows) const {
    for (int64_t& row : rows) row = permutation_[static_cast<size_t>(row)];
    return rows;
  }

  std::string images(const std::vector<int64_t>& rows) const {
    std::vector<std::string> names;
    for (const int64_t row : rows) {
      names.push_back(divergence_.places[static_cast<size_t>(row)] + " (image " +
                      std::to_string(divergence_.images.seen[static_cast<size_t>(row)]) + ")");
    }
    return listing(names);
  }

  /// The images of rows of which only the recipe knows out of which view they come.
  std::string images_of_any_view(const std::vector<int64_t>& rows) const {
    if (permutation_.empty()) return images(rows);
    return images(rows) + " or, out of shuffled views, " + images(shuffled(rows));
  }

  void say_rows(const std::string& what, int64_t all, size_t bad, const std::string& names) {
    say(bad == 0 ? what + ": finite"
                 : what + ": " + of(bad, static_cast<size_t>(all)) + " rows not finite: " + names);
  }

  void run(const Batch& batch) {
    const OperationWatch watch(module_state(training_.recipe()), batch.index.size(0));
    const StepReport report = [&] {
      const at::AutoGradMode with_grad(true);
      return training_.compute_gradients(batch);
    }();
    if (const auto first = watch.first_infinity()) say(sentence(*first));
    if (const auto first = watch.first_nan()) say(sentence(*first));
    for (size_t e = 0; e < report.embeddings.size(); ++e) {
      const at::Tensor& rows = report.embeddings[e];
      const std::vector<int64_t> bad = rows_not_finite(rows);
      say_rows("embedding " + of(e + 1, report.embeddings.size()), rows.size(0), bad.size(),
               images_of_any_view(bad));
    }
    result_.loss = report.loss();
    result_.gradient_norm = report.gradient_norm();
    say("loss: " + format_fixed(result_.loss, 6));
  }

  std::string sentence(const FirstNonFinite& first) const {
    std::string text = std::string("the first ") + (first.is_nan ? "NaN" : "infinite value") +
                       " of the step comes out of " + first.operation;
    if (!first.backward_node.empty()) text += " in the backward pass (" + first.backward_node + ")";
    if (!first.parameter.empty()) text += ", at or after " + first.parameter;
    if (!first.rows.empty()) text += ", for " + images_of_any_view(first.rows);
    return text + " (" + std::to_string(first.values) + " values)";
  }

  void look_at_gradients() {
    std::vector<std::string> bad;
    size_t all = 0;
    for (const auto& item : training_.recipe().named_parameters()) {
      if (!item.value().grad().defined()) continue;
      ++all;
      if (!is_finite(item.value().grad())) bad.push_back(item.key());
    }
    say("gradients: " +
        (bad.empty() ? "finite" : of(bad.size(), all) + " not finite: " + listing(bad)) +
        ", norm " + format_fixed(result_.gradient_norm, 6));
  }

  const Divergence& divergence_;
  Training& training_;
  std::vector<int64_t> permutation_;  // of shuffled views; else empty
  bool state_is_finite_ = true;
  ReplayResult result_;
};

/// The saved config, the library that trained where it is still there, and what the user says now.
RunSources sources_of(const Divergence& divergence, const RunSources& sources) {
  const std::string config = divergence.folder + "/config.json";
  RunSources all = sources;
  all.environment = false;
  all.files.insert(all.files.begin(), {parse_json(read_text(config), config), "replay " + config});
  if (std::filesystem::exists(divergence.recipe_path)) {
    all.assignments.insert(all.assignments.begin(), "recipe.name=" + divergence.recipe_path);
  }
  return all;
}

void check_data(const Divergence& divergence, const Dataset& data) {
  const std::string where = divergence.folder + "/replay.json: " + data.info().path;
  if (data.info().size != divergence.dataset_size) {
    throw DataError(where + " has " + std::to_string(data.info().size) +
                    " images; the run that diverged saw " +
                    std::to_string(divergence.dataset_size));
  }
}

/// The batch, from the same images in the same order: a view depends on seed, epoch, image and view
/// alone, and so does the replacement of an unreadable image.
ViewBatch load_batch(const ResolvedRun& run, const Divergence& divergence, Training& training,
                     Group& group, Log& log) {
  LoaderPlan plan = loader_plan(run, group, training.recipe());
  plan.batch = static_cast<int64_t>(divergence.images.asked.size());
  plan.drop_last = false;
  ViewLoader loader(run.data.train, training.recipe().views(), plan, log);
  loader.begin_epoch(divergence.images.epoch, divergence.images.asked);
  ViewBatch batch = loader.next();
  if (batch.index == divergence.images.seen) return batch;
  throw DataError(divergence.folder + "/replay.json: other images of " +
                  run.data.train->info().path + " are unreadable now; the batch cannot be rebuilt");
}

}  // namespace

ReplayResult replay(const std::string& file, const RunSources& sources, Log& log) {
  const Divergence divergence = read_divergence(file);
  ResolvedRun run = resolve_run(sources_of(divergence, sources), log);
  check_data(divergence, *run.data.train);
  at::set_num_threads(static_cast<int>(run.config.threads));
  SoloGroup group;
  Training training(run.config, run.data.train->info(), plan_of(run, group), group,
                    at::Device(run.config.device));
  Generation state;
  state.step = divergence.images.step;
  state.path = divergence.folder;
  training.load(state);
  log.info("replaying step " + std::to_string(divergence.images.step + 1) +
           ", which ended with: " + divergence.what);
  ReplayResult result =
      Inspection(divergence, training).look(load_batch(run, divergence, training, group, log));
  result.step = divergence.images.step + 1;
  return result;
}

}  // namespace nearfar
