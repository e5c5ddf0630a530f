// Steps of miniatures.
#include "framework/conformance/short_run.h"

#include <torch/types.h>

#include <algorithm>
#include <numeric>

#include "framework/conformance/named_errors.h"
#include "framework/encoders/batch_norm.h"
#include "framework/train/agreement.h"
#include "framework/train/module_state.h"

namespace nearfar {
namespace {

constexpr const char* kModel = "/model.safetensors";
constexpr const char* kOptimizer = "/optimizer.safetensors";
constexpr const char* kOrder = "/order.safetensors";
constexpr double kDecay = 1e-4;

void write_tensors(const std::string& path, const NamedTensors& tensors) {
  const std::vector<uint8_t> bytes = encode_tensors(tensors);
  replace_file(real_file_system(), path, bytes.data(), bytes.size());
}

}  // namespace

ShortRun::ShortRun(const Subject& subject, const ShortPlan& plan, Group& group)
    : plan_(plan), group_(group), data_(subject.data) {
  if (plan_.small.images == 0) plan_.small.images = 2 * plan_.small.batch;
  data_.size = plan_.small.images;
  small_ = named_errors("making the recipe", [&] {
    return make_miniature(subject.config, subject.data, plan_.small, group);
  });
  recipe_ = std::make_shared<WatchedRecipe>(small_.recipe, plan.watches_generator);
  side_ = image_side(*recipe_, small_.encoders);
  storage_ = std::make_unique<FlatStorage>(recipe_->parameter_groups());
  rule_.name = plan.rule;
  rule_.weight_decay = kDecay;
  optimizer_ = make_optimizer(rule_, *storage_,
                              FollowerSet(recipe_->followers(), *small_.recipe, *storage_));
}

int64_t ShortRun::steps_per_epoch() const { return plan_.small.images / plan_.small.batch; }

MiniatureBatch ShortRun::images(std::vector<int64_t> index) const {
  MiniatureBatch batch;
  batch.batch = static_cast<int64_t>(index.size());
  batch.step = step_;
  batch.epoch = step_ / steps_per_epoch();
  batch.progress = static_cast<double>(step_) / static_cast<double>(plan_.small.steps);
  batch.index = std::move(index);
  batch.side = side_;
  batch.own = plan_.own;
  batch.constant = plan_.constant;
  batch.type = plan_.small.type;
  return batch;
}

/// Of every image, as a network in eval mode sees it.
at::Tensor ShortRun::features(Encoder& encoder) {
  const at::NoGradGuard no_grad;
  SoloGroup alone;
  std::vector<int64_t> all(static_cast<size_t>(data_.size));
  std::iota(all.begin(), all.end(), int64_t{0});
  MiniatureBatch what = images(std::move(all));
  what.own = 0.0;
  const Batch batch = make_miniature_batch(*recipe_, data_, what, alone);
  Random random = batch.random;
  const bool was_training = encoder.is_training();
  encoder.eval();
  const at::Tensor values = encoder.forward(batch.views.front(), random).to(at::kFloat);
  encoder.train(was_training);
  return values;
}

void ShortRun::begin_epoch() {
  const int64_t epoch = step_ / steps_per_epoch();
  std::vector<int64_t> order(static_cast<size_t>(steps_per_epoch() * plan_.small.batch));
  std::iota(order.begin(), order.end(), int64_t{0});
  std::rotate(order.begin(), order.begin() + epoch % data_.size, order.end());
  const size_t length = order.size();
  EpochContext context{
      epoch,
      group_,
      data_,
      Random(plan_.small.seed, static_cast<uint64_t>(epoch), 0, Purpose::recipe, 1),
      [this](Encoder& encoder) { return features(encoder); },
      order};
  recipe_->before_epoch(context);
  order_ = agreed_order(group_, std::move(order));
  TORCH_CHECK(order_.size() == length, "before_epoch(): expected an order of ", length,
              " indices, found ", order_.size());
  begun_ = epoch;
}

Batch ShortRun::next_batch() {
  if (begun_ != step_ / steps_per_epoch()) begin_epoch();
  const auto first = order_.begin() + step_ % steps_per_epoch() * plan_.small.batch;
  return make_miniature_batch(*recipe_, data_, images({first, first + plan_.small.batch}), group_);
}

Embeddings ShortRun::embed(const Batch& batch) {
  *small_.piece = batch.shard;
  return recipe_->embed(batch);
}

StepTrace ShortRun::trace(const PassResult& pass) {
  StepTrace found;
  const at::Tensor value = pass.loss.value.detach().to(at::kDouble);
  found.loss = group_.all_sum(value).item<double>() / group_.size();
  found.random_guess = pass.loss.random_guess;
  for (const auto& [name, gradient] : storage_->named_views(storage_->gradients())) {
    found.gradients.emplace_back(name, gradient.clone());
  }
  return found;
}

StepTrace ShortRun::step() {
  const Batch batch = next_batch();
  storage_->zero_gradients();
  const PassResult pass = named_errors("the gradient of loss()", [&] {
    return add_gradients(*recipe_, batch, {plan_.micro_batch, Precision::fp32, small_.piece});
  });
  const at::NoGradGuard no_grad;
  storage_->gradients().copy_(group_.all_sum(storage_->gradients()) / group_.size());
  const StepTrace found = trace(pass);
  optimizer_->step({plan_.rate, kDecay, batch.progress, at::zeros({1}, at::kFloat), {}});
  move_running_statistics(*small_.recipe);
  recipe_->after_step(pass.embeddings, batch);
  ++step_;
  return found;
}

NamedTensors ShortRun::state() {
  NamedTensors all = module_state(*small_.recipe);
  for (const auto& named : optimizer_->state()) all.push_back(named);
  return all;
}

void ShortRun::save(const std::string& folder) {
  write_tensors(folder + kModel, module_state(*small_.recipe));
  write_tensors(folder + kOptimizer, optimizer_->state());
  write_tensors(folder + kOrder, {{"order", at::tensor(order_, at::kLong)},
                                  {"step", at::tensor({step_, begun_}, at::kLong)}});
}

void ShortRun::load(const std::string& folder) {
  const at::NoGradGuard no_grad;
  load_into(module_state(*small_.recipe), read_safetensors(folder + kModel));
  optimizer_->load_state(to_tensors(read_safetensors(folder + kOptimizer)));
  const SafetensorsFile file = read_safetensors(folder + kOrder);
  const at::Tensor order = to_tensor(file.at("order")), step = to_tensor(file.at("step"));
  order_.assign(order.data_ptr<int64_t>(), order.data_ptr<int64_t>() + order.numel());
  step_ = step[0].item<int64_t>();
  begun_ = step[1].item<int64_t>();
}

}  // namespace nearfar
