// The step of a run, and its state as files.
#include "framework/train/training.h"

#include <cmath>

#include "framework/encoders/batch_norm.h"
#include "framework/error.h"
#include "framework/optimize/exclusion.h"
#include "framework/optimize/schedule.h"
#include "framework/ship.h"
#include "framework/train/agreement.h"
#include "framework/train/device.h"
#include "framework/train/module_state.h"
#include "framework/train/plan.h"
#include "framework/train/replicas.h"
#include "framework/train/step_votes.h"

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

/// In the order of registration.
std::vector<std::string> parameter_names(const Recipe& recipe) {
  return recipe.named_parameters().keys();
}

ExchangeOptions exchange_options(const TrainConfig& train) {
  ExchangeOptions options;
  options.buckets.bytes = train.bucket << 20;
  options.bfloat16 = train.wire == "bf16";
  return options;
}

at::Tensor as_column(const std::vector<int64_t>& values, at::Device device) {
  return ship(at::tensor(values, at::kLong), device);
}

}  // namespace

Training::Training(const RunConfig& config, const DatasetInfo& data, const TrainPlan& plan,
                   Group& group, at::Device device, std::optional<FiniteFlag::Reading> reading)
    : config_(config),
      data_(data),
      plan_(plan),
      group_(group),
      device_(device),
      peak_rate_(scaled_learning_rate(config.optimizer.learning_rate, plan.batch,
                                      config.optimizer.scaling)),
      piece_(std::make_shared<Shard>(shard(plan.batch, group.size(), group.rank()))),
      flag_(device, reading.value_or(device.is_cuda() ? FiniteFlag::Reading::late
                                                      : FiniteFlag::Reading::at_once)) {
  plan_.norm.piece = piece_;
  recipe_ = build_recipe(config, data, plan_, group);
  check_micro_batch(*recipe_, config.train.micro_batch, plan.batch, config.encoder.norm_batch,
                    group.size());
  if (device_.is_cuda()) renderer_.emplace(cuda_renderer(), device_);
  recipe_->to(device_);
  recipe_->train();
  storage_ =
      std::make_unique<FlatStorage>(with_exclusion(recipe_->parameter_groups(), config.optimizer));
  optimizer_ = make_optimizer(config.optimizer, *storage_,
                              FollowerSet(recipe_->followers(), *recipe_, *storage_),
                              device_.is_cuda() ? cuda_update() : DeviceUpdate{});
  exchange_ = std::make_unique<GradientExchange>(*storage_, group_, parameter_names(*recipe_),
                                                 exchange_options(config.train));
  sharded_ = sharded_rows(*recipe_, group_);
  broadcast_state(group_, replicated(module_state(*recipe_), sharded_));
  check_replicas(group_, replicated_state(), step_);
}

GradientPlan Training::gradient_plan() const {
  // Automatic values are settled by fit_device() before the first step.
  const TrainConfig& train = config_.train;
  return {train.micro_batch,
          train.precision == "auto" ? Precision::fp32 : precision_of(train.precision), piece_};
}

int64_t Training::state_bytes() const {
  int64_t bytes = storage_->gradients().nbytes();
  for (const auto& [name, tensor] : module_state(*recipe_)) bytes += tensor.nbytes();
  for (const auto& [name, tensor] : optimizer_->state()) bytes += tensor.nbytes();
  return bytes;
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
  if (!views.permutation.empty()) batch.permutation = as_column(views.permutation, device_);
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

void Training::stop_at(const std::optional<NotFinite>& failure) {
  if (!failure) return;
  failure_ = failure;
  step_ = failure->step;
  drop_pending_statistics(*recipe_);
  throw DivergedError("step " + std::to_string(step_ + 1) + " (epoch " +
                      std::to_string(epoch() + 1) + "): loss " + std::to_string(failure->loss) +
                      ", gradient norm " + std::to_string(failure->gradient_norm) +
                      "; expected finite values. A lower optimizer.learning_rate, a longer "
                      "schedule.warmup_epochs or a higher temperature usually helps");
}

void Training::settle() { stop_at(flag_.settle()); }

/// Where the host does not know yet whether the step was finite, buffers are put back on the
/// device.
void Training::move_after_step(const Embeddings& embeddings, const Batch& batch) {
  if (flag_.reading() != FiniteFlag::Reading::late) {
    recipe_->after_step(embeddings, batch);
    return;
  }
  const std::vector<at::Tensor> buffers = recipe_->buffers();
  std::vector<at::Tensor> before;
  for (const at::Tensor& buffer : buffers) before.push_back(buffer.clone());
  recipe_->after_step(embeddings, batch);
  const at::Tensor finite = flag_.not_finite().eq(0).squeeze(0);
  for (size_t i = 0; i < buffers.size(); ++i) {
    buffers[i].copy_(at::where(finite, buffers[i], before[i]));
  }
}

StepReport Training::compute_gradients(const Batch& batch, bool wants_to_stop) {
  group_.set_step(step_ + 1);
  storage_->zero_gradients();
  exchange_->begin();
  PassResult pass = add_gradients(
      *recipe_, batch, gradient_plan(),
      [this](const std::vector<at::Tensor>& roots) { exchange_->last_backward_begins(roots); });

  at::NoGradGuard no_grad;
  exchange_->launch_rest();
  StepVote vote{pass.loss.value, wants_to_stop, {}};
  if (config_.train.unused_parameters == "error") vote.unused = exchange_->unused();
  const StepTally tallied = tally(group_, vote);
  exchange_->finish();
  StepReport report;
  report.loss_value = tallied.loss;
  report.votes = tallied.votes;
  report.gradient_norm_value = storage_->gradients().norm();
  report.random_guess_loss = pass.loss.random_guess;
  report.embeddings = std::move(pass.embeddings);
  report.report = std::move(pass.loss.report);
  return report;
}

void Training::heed_votes() {
  for (const StepVotes& votes : flag_.take_votes()) {
    refuse_unused(votes.sums, exchange_->parameters(), votes.step + 1, group_.size());
    stop_agreed_ = stop_agreed_ || votes.sums.front() > 0.0;
  }
}

StepReport Training::train_step(const ViewBatch& views, bool wants_to_stop) {
  const Batch batch = make_batch(views);
  StepReport report = compute_gradients(batch, wants_to_stop);

  at::NoGradGuard no_grad;
  report.learning_rate =
      learning_rate_at(config_.schedule, peak_rate_, step_, plan_.steps, plan_.steps_per_epoch);

  flag_.note(step_, report.loss_value, report.gradient_norm_value, report.votes);
  stop_at(flag_.failure());
  heed_votes();
  optimizer_->step(
      {report.learning_rate,
       weight_decay_at(config_.schedule, config_.optimizer.weight_decay, step_, plan_.steps),
       batch.progress, flag_.not_finite(), report.gradient_norm_value});
  move_running_statistics(*recipe_, flag_.not_finite());
  move_after_step(report.embeddings, batch);
  ++step_;
  const int64_t every = config_.train.check_ranks;
  if (every > 0 && step_ % every == 0) check_replicas(group_, replicated_state(), step_);
  return report;
}

NamedTensors Training::replicated_state() const {
  NamedTensors state = replicated(module_state(*recipe_), sharded_);
  for (const auto& named : optimizer_->state()) state.push_back(named);
  return state;
}

void Training::check_finite_state() const {
  std::string bad;
  for (const auto& [name, tensor] : module_state(*recipe_)) {
    const bool finite = !tensor.is_floating_point() || tensor.isfinite().all().item<bool>();
    if (!finite && bad.empty()) bad = name;
  }
  if (!sharded_.empty() && largest_of_ranks(group_, bad.empty() ? 0.0 : 1.0) > 0.0 && bad.empty()) {
    bad = "a tensor of another rank";
  }
  if (bad.empty()) return;
  throw DivergedError("step " + std::to_string(step_) + ": " + bad + " is not finite");
}

NamedTensors Training::whole_state() const {
  return put_together(group_, module_state(*recipe_), sharded_);
}

std::vector<GenerationFile> Training::state_files(const NamedTensors& whole_state) const {
  return {{"model.safetensors", encode_tensors(whole_state)},
          {"optimizer.safetensors", encode_tensors(optimizer_->state())}};
}

std::vector<GenerationFile> Training::save() const {
  check_finite_state();
  return state_files(whole_state());
}

void Training::load(const Generation& generation) {
  at::NoGradGuard no_grad;
  SafetensorsFile model = read_safetensors(generation.path + "/model.safetensors");
  cut_to_pieces(model, sharded_, group_);
  load_into(module_state(*recipe_), model);
  optimizer_->load_state(to_tensors(read_safetensors(generation.path + "/optimizer.safetensors")));
  step_ = generation.step;
  check_replicas(group_, replicated_state(), step_);
}

}  // namespace nearfar
