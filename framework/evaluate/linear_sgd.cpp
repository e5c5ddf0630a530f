// The papers' linear probe: SGD on augmented views of a frozen encoder, all learning rates at once.
#include "framework/evaluate/linear_sgd.h"

#include <torch/types.h>

#include <algorithm>

#include "framework/error.h"
#include "framework/evaluate/labelled_subset.h"
#include "framework/optimize/schedule.h"

namespace nearfar {
namespace {

/// The classifiers that learn without one held-out part.
struct Part {
  at::Tensor learns;  // [m] bool: whether an image is outside of the held-out part
  at::Tensor held_out;
  ClassifierStack stack;
};

PassPlan plan_pass(const LinearSgdConfig& config, int64_t images, uint64_t seed) {
  PassPlan plan;
  plan.batch = std::min(config.batch, images);
  const int64_t steps = (images + plan.batch - 1) / plan.batch;
  plan.epochs = std::max(config.epochs, (config.min_steps + steps - 1) / steps);
  plan.seed = seed;
  return plan;
}

ClassifierStack make_stack(const LinearSgdConfig& config, const ProbeData& data, int64_t batch) {
  std::vector<SgdSetting> settings = linear_sgd_settings(config);
  for (SgdSetting& setting : settings) {
    setting.learning_rate = scaled_learning_rate(setting.learning_rate, batch, "linear");
  }
  return {
      settings, data.classes, data.train.size(1), {config.momentum, config.nesterov}, data.train};
}

std::vector<Part> make_parts(const LinearSgdConfig& config, const ProbeData& data, int64_t batch,
                             uint64_t seed) {
  const int64_t images = data.train.size(0);
  std::vector<HeldOut> folds = stratified_folds(data.train_label, data.classes, config.folds, seed);
  if (images > config.all_folds_up_to && !folds.empty()) folds.resize(1);
  std::vector<Part> parts;
  for (const HeldOut& fold : folds) {
    at::Tensor learns = at::zeros({images}, at::kBool);
    learns.index_fill_(0, fold.fit, true);
    parts.push_back({learns, fold.held_out, make_stack(config, data, batch)});
  }
  return parts;
}

void learn(Part& part, const at::Tensor& features, const at::Tensor& label, const at::Tensor& row,
           double factor) {
  const at::Tensor mine = part.learns.index_select(0, row).nonzero().squeeze(1);
  if (mine.size(0) == 0) return;
  part.stack.step(features.index_select(0, mine), label.index_select(0, mine), factor);
}

/// Top-1 of every setting over all held-out parts.
std::vector<double> held_out_accuracy(const std::vector<Part>& parts, const ProbeData& data) {
  at::Tensor right;
  int64_t count = 0;
  for (const Part& part : parts) {
    const at::Tensor label = data.train_label.index_select(0, part.held_out);
    const at::Tensor sums =
        part.stack.count_right(data.train.index_select(0, part.held_out), label);
    right = right.defined() ? right + sums : sums;
    count += label.size(0);
  }
  const at::Tensor share = right.to(at::kDouble) / static_cast<double>(count);
  return {share.data_ptr<double>(), share.data_ptr<double>() + share.numel()};
}

}  // namespace

void check_linear_sgd(const LinearSgdConfig& config) {
  if (config.learning_rate.empty() || config.weight_decay.empty()) {
    throw ConfigError(std::string("evaluate.linear_sgd.") +
                      (config.learning_rate.empty() ? "learning_rate" : "weight_decay") +
                      ": expected at least one value, found none");
  }
}

std::vector<SgdSetting> linear_sgd_settings(const LinearSgdConfig& config) {
  std::vector<SgdSetting> settings;
  for (const double decay : config.weight_decay) {
    for (const double rate : config.learning_rate) settings.push_back({rate, decay});
  }
  return settings;
}

double rate_factor(const LinearSgdConfig& config, double done) {
  if (config.schedule == "cosine") return cosine_by_epoch(1.0, done, 1.0);
  return config.schedule == "step" ? step_by_epoch(1.0, done, config.milestones) : 1.0;
}

LinearSgdResult linear_sgd(const TrainingViews& views, const ProbeData& data,
                           const LinearSgdConfig& config, uint64_t seed, const Choose& choose) {
  const at::NoGradGuard no_grad;
  check_linear_sgd(config);
  const int64_t images = data.positions.size(0);
  TORCH_CHECK(images > 0 && data.train.size(0) == images && data.train_label.size(0) == images,
              "linear_sgd: expected features and labels of each of ", images, " images");
  const PassPlan plan = plan_pass(config, images, seed);
  std::vector<Part> parts = make_parts(config, data, plan.batch, seed);
  ClassifierStack all = make_stack(config, data, plan.batch);
  const int64_t steps = plan.epochs * ((images + plan.batch - 1) / plan.batch);
  int64_t step = 0;
  views(data.positions, plan, [&](const at::Tensor& features, const at::Tensor& row) {
    const double factor =
        rate_factor(config, static_cast<double>(step++) / static_cast<double>(steps));
    const at::Tensor input = features.to(data.train.scalar_type());
    const at::Tensor label = data.train_label.index_select(0, row);
    for (Part& part : parts) learn(part, input, label, row, factor);
    all.step(input, label, factor);
  });
  LinearSgdResult result;
  result.parts = static_cast<int64_t>(parts.size());
  result.batch = plan.batch;
  result.epochs = plan.epochs;
  if (!parts.empty()) {
    result.held_out = held_out_accuracy(parts, data);
    result.chosen = choose(result.held_out);
  }
  result.accuracy = judge(all.scores(data.test, result.chosen), data.test_label);
  return result;
}

}  // namespace nearfar
