// Small recipes and their batches.
#include "tests/recipes/small_recipe.h"

#include "framework/conformance/difference.h"
#include "framework/data/batch_permutation.h"
#include "framework/encoders/batch_norm.h"
#include "framework/encoders/make_encoder.h"
#include "framework/optimize/optimizer.h"
#include "framework/recipe/make_recipe.h"
#include "framework/train/gradient_exchange.h"
#include "framework/train/gradient_pass.h"
#include "framework/train/miniature.h"
#include "framework/train/sharded_state.h"
#include "tests/framework/encoders/module_tensors.h"

namespace nearfar {
namespace {

/// Values in [-1, 1) from Philox, so that they do not depend on LibTorch's version.
at::Tensor noise(uint64_t seed, uint64_t item, at::IntArrayRef shape) {
  Random random(seed, 0, item, Purpose::recipe, 7);
  const at::Tensor values = at::empty(shape, at::kDouble);
  double* data = values.data_ptr<double>();
  for (int64_t i = 0; i < values.numel(); ++i) data[i] = random.uniform(-1.0, 1.0);
  return values;
}

}  // namespace

SmallRecipe make_small_recipe(const std::string& name, const std::vector<std::string>& settings,
                              const SmallPlan& plan, Group& group) {
  const RecipePlugin& plugin = *open_recipe(name).plugin;
  const std::shared_ptr<void> config = plugin.make_config();
  Settings chosen;
  for (const std::string& setting : settings) chosen.add_assignment(setting, "test");
  chosen.apply([&](Fields& field) { plugin.describe(config.get(), field); });

  SmallRecipe small;
  small.piece = std::make_shared<Shard>();
  TrainPlan train;
  train.batch = plan.batch;
  train.steps = train.steps_per_epoch = plan.steps;
  train.epochs = 1;
  train.seed = plan.seed;
  train.norm = {plan.norm_batch, &group, small.piece};
  train.images_per_class = 2;  // as N-pair losses ask
  const auto make = [&train, &plan](int64_t size) {
    EncoderConfig encoder;
    encoder.name = plan.encoder;
    encoder.width = 4;
    encoder.drop_path = plan.drop_path;
    return make_encoder(encoder, 3, size, train.norm);
  };
  DatasetInfo data;
  data.size = 2 * plan.batch;
  data.class_names = {"a", "b", "c"};
  data.targets = {"x", "y"};
  small.recipe = make_recipe(plugin, config.get(), Setup{make, group, data, train});
  if (plan.type == at::kDouble) to_double(*small.recipe);
  small.recipe->train();
  FlatStorage storage(small.recipe->parameter_groups());
  FollowerSet(small.recipe->followers(), *small.recipe, storage);
  return small;
}

Batch small_batch(const SmallPlan& plan, int64_t step, size_t views, Group& group,
                  const std::vector<bool>& shuffled) {
  Batch batch;
  batch.shard = shard(plan.batch, group.size(), group.rank());
  batch.step = step;
  batch.progress = static_cast<double>(step) / static_cast<double>(plan.steps);
  batch.random = Random(plan.seed, 0, static_cast<uint64_t>(step), Purpose::recipe);
  if (!shuffled.empty()) {
    batch.permutation = at::tensor(batch_permutation(plan.seed, 0, step, plan.batch));
  }
  for (size_t v = 0; v < views; ++v) {
    const auto item = static_cast<uint64_t>(step) * 16 + v;
    at::Tensor images = noise(plan.seed, item, {plan.batch, 3, plan.side, plan.side});
    if (!shuffled.empty() && shuffled[v]) images = images.index_select(0, batch.permutation);
    batch.views.push_back(images.narrow(0, batch.shard.begin, batch.shard.size()).to(plan.type));
  }
  batch.index = at::arange(batch.shard.begin, batch.shard.end, at::kLong);
  batch.label = (batch.index * 5 + step).remainder(3);
  batch.target = noise(plan.seed, static_cast<uint64_t>(step) * 16 + 15, {plan.batch, 2})
                     .narrow(0, batch.shard.begin, batch.shard.size());
  return batch;
}

Batch small_batch(const SmallPlan& plan, int64_t step, const Recipe& recipe, Group& group) {
  return small_batch(plan, step, recipe.views().size(), group, recipe.shuffled_views());
}

void remember(SmallRecipe& small, const SmallPlan& plan, int64_t step, Group& group) {
  remember(*small.recipe, *small.piece, small_batch(plan, step, *small.recipe, group));
}

NamedValues train_small(SmallRecipe& small, const SmallPlan& plan, int64_t steps,
                        int64_t micro_batch, Group& group, std::vector<double>* losses) {
  FlatStorage storage(small.recipe->parameter_groups());
  OptimizerConfig config;
  config.weight_decay = 1e-4;
  const auto optimizer = make_optimizer(
      config, storage, FollowerSet(small.recipe->followers(), *small.recipe, storage));
  const at::Tensor finite = at::zeros({1}, at::kFloat);
  for (int64_t step = 0; step < steps; ++step) {
    const Batch batch = small_batch(plan, step, *small.recipe, group);
    storage.zero_gradients();
    const PassResult pass =
        add_gradients(*small.recipe, batch, {micro_batch, Precision::fp32, small.piece});
    const at::NoGradGuard no_grad;
    storage.gradients().copy_(group.all_sum(storage.gradients()) / group.size());
    optimizer->step({plan.rate, config.weight_decay, batch.progress, finite, {}});
    move_running_statistics(*small.recipe);
    small.recipe->after_step(pass.embeddings, batch);
    if (losses != nullptr) losses->push_back(pass.loss.value.item<double>());
  }
  NamedValues values;
  for (const auto& item : small.recipe->named_parameters()) {
    values.emplace_back(item.key(), item.value().detach().clone());
  }
  const ShardedRows sharded = sharded_rows(*small.recipe, group);
  for (const auto& item : small.recipe->named_buffers()) {
    const auto rows = sharded.find(item.key());
    const at::Tensor mine = item.value().clone();
    values.emplace_back(item.key(),
                        rows == sharded.end()
                            ? mine
                            : group.all_gather(mine, rows_by_rank(rows->second, group.size())));
  }
  return values;
}

double worst_difference(const NamedValues& a, const NamedValues& b) {
  return worst_difference(b, a, 1e-3).relative;
}

LossAndGradient loss_and_gradient(SmallRecipe& small, const Batch& batch, Group& group,
                                  const std::function<at::Tensor(const Embeddings&)>& loss) {
  *small.piece = batch.shard;
  small.recipe->zero_grad();
  const at::Tensor value = loss(small.recipe->embed(batch));
  value.backward();
  LossAndGradient result;
  const at::NoGradGuard no_grad;
  result.loss = group.all_sum(value.detach()).item<double>() / group.size();
  for (const ParameterGroup& learned : small.recipe->parameter_groups()) {
    for (const auto& [name, parameter] : learned.parameters) {
      const at::Tensor mine = parameter.grad().contiguous();
      result.gradients.emplace_back(name, group.all_sum(mine) / group.size());
    }
  }
  return result;
}

}  // namespace nearfar
