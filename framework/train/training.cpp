// The step of a run, and its state as files.
#include "framework/train/training.h"

#include <cmath>

#include "framework/checkpoint/tensors.h"
#include "framework/encoders/batch_norm.h"
#include "framework/error.h"
#include "framework/optimize/schedule.h"
#include "framework/train/device.h"
#include "framework/train/module_state.h"
#include "framework/train/plan.h"

namespace nearfar {
namespace {

/// [n, H, W, C] floats as an [n, C, H, W] tensor in channels-last layout, without a copy on the
/// CPU.
at::Tensor as_images(const std::vector<float>& pixels, int64_t n, Size size, int64_t channels,
                     at::Device device) {
  const at::Tensor rows = at::from_blob(const_cast<float*>(pixels.data()),
                                        {n, size.height, size.width, channels}, at::kFloat);
  return rows.permute({0, 3, 1, 2}).to(device);
}

at::Tensor as_column(const std::vector<int64_t>& values, at::Device device) {
  return at::tensor(values, at::kLong).to(device);
}

}  // namespace

Training::Training(const RunConfig& config, const DatasetInfo& data, const TrainPlan& plan,
                   Group& group, at::Device device)
    : config_(config),
      plan_(plan),
      group_(group),
      device_(device),
      peak_rate_(scaled_learning_rate(config.optimizer.learning_rate, plan.batch,
                                      config.optimizer.scaling)),
      piece_(std::make_shared<Shard>(shard(plan.batch, group.size(), group.rank()))) {
  plan_.norm.piece = piece_;
  recipe_ = build_recipe(config, data, plan_, group);
  if (device_.is_cuda()) renderer_.emplace(cuda_renderer(), device_);
  recipe_->to(device_);
  recipe_->train();
  storage_ = std::make_unique<FlatStorage>(recipe_->parameter_groups());
  optimizer_ = make_optimizer(config.optimizer, *storage_);
  followers_ = std::make_unique<FollowerSet>(recipe_->followers(), *recipe_, *storage_);
}

Batch Training::make_batch(const ViewBatch& views) const {
  Batch batch;
  const auto n = static_cast<int64_t>(views.index.size());
  if (renderer_) batch.views = renderer_->render(views);
  for (size_t v = 0; v < views.views.size(); ++v) {
    batch.views.push_back(
        as_images(views.views[v], n, views.targets[v].size, views.channels, device_));
  }
  batch.index = as_column(views.index, device_);
  batch.label = as_column(views.label, device_);
  if (!views.target.empty()) {
    batch.target = at::tensor(views.target).view({n, -1}).to(device_);
  }
  batch.shard = views.shard;
  batch.step = step_;
  batch.epoch = epoch();
  batch.progress = static_cast<double>(step_) / static_cast<double>(plan_.steps);
  batch.random = Random(plan_.seed, static_cast<uint64_t>(batch.epoch),
                        static_cast<uint64_t>(step_), Purpose::recipe);
  return batch;
}

void Training::check_finite(const StepReport& report) {
  if (std::isfinite(report.loss) && std::isfinite(report.gradient_norm)) return;
  drop_pending_statistics(*recipe_);
  throw DivergedError("step " + std::to_string(step_ + 1) + " (epoch " +
                      std::to_string(epoch() + 1) + "): loss " + std::to_string(report.loss) +
                      ", gradient norm " + std::to_string(report.gradient_norm) +
                      "; expected finite values. A lower optimizer.learning_rate, a longer "
                      "schedule.warmup_epochs or a higher temperature usually helps");
}

StepReport Training::train_step(const ViewBatch& views) {
  const Batch batch = make_batch(views);
  *piece_ = batch.shard;
  storage_->zero_gradients();
  StepReport report;
  report.embeddings = recipe_->embed(batch);
  const Loss loss = recipe_->loss(report.embeddings, batch);
  loss.value.backward();
  for (at::Tensor& embedding : report.embeddings) embedding = embedding.detach();

  at::NoGradGuard no_grad;
  at::Tensor& gradients = storage_->gradients();
  gradients.copy_(group_.all_sum(gradients));
  gradients.div_(group_.size());
  const at::Tensor mean_loss = group_.all_sum(loss.value.detach()) / group_.size();
  const at::Tensor norm = gradients.norm();
  const at::Tensor not_finite =
      at::logical_not(at::isfinite(norm).logical_and(at::isfinite(mean_loss)))
          .to(at::kFloat)
          .view(1);

  report.learning_rate =
      learning_rate_at(config_.schedule, peak_rate_, step_, plan_.steps, plan_.steps_per_epoch);
  optimizer_->step(report.learning_rate, not_finite);
  followers_->move(batch.progress, not_finite);

  report.loss = mean_loss.item<double>();
  report.random_guess_loss = loss.random_guess;
  report.gradient_norm = norm.item<double>();
  report.report = loss.report;
  check_finite(report);
  move_running_statistics(*recipe_);
  recipe_->after_step(report.embeddings, batch);
  ++step_;
  return report;
}

/// What is saved must be worth going on from: an overflow may sit in a buffer that no loss has met
/// yet.
void Training::check_finite_state() const {
  for (const auto& [name, tensor] : module_state(*recipe_)) {
    if (!tensor.is_floating_point() || tensor.isfinite().all().item<bool>()) continue;
    throw DivergedError("step " + std::to_string(step_) + ": " + name + " is not finite");
  }
}

std::vector<GenerationFile> Training::save() const {
  check_finite_state();
  return {{"model.safetensors", encode_tensors(module_state(*recipe_))},
          {"optimizer.safetensors", encode_tensors(optimizer_->state())}};
}

void Training::load(const Generation& generation) {
  at::NoGradGuard no_grad;
  load_into(module_state(*recipe_), read_safetensors(generation.path + "/model.safetensors"));
  optimizer_->load_state(to_tensors(read_safetensors(generation.path + "/optimizer.safetensors")));
  step_ = generation.step;
}

}  // namespace nearfar
