// Small recipes and their batches.
#include "framework/train/miniature.h"

#include <torch/types.h>

#include <algorithm>
#include <vector>

#include "framework/config/settings.h"
#include "framework/data/batch_permutation.h"
#include "framework/encoders/make_encoder.h"
#include "framework/error.h"
#include "framework/recipe/make_recipe.h"

namespace nearfar {
namespace {

constexpr uint64_t kSeed = 17;
constexpr int64_t kMostOfAnything = 64;  // queues, banks, heads, classes
constexpr int64_t kSide = 12;            // of a view, in pixels
constexpr int64_t kWidth = 4;            // of the encoder
// Streams of random numbers, beside those of the views.
constexpr uint8_t kWeights = 64, kTargets = 65;

/// Lets no integer exceed a bound, unless its range wants more.
class Bound final : public Fields {
 protected:
  void integer(const char*, int64_t& target, int64_t low, int64_t, const char*) override {
    target = std::min(target, std::max(low, kMostOfAnything));
  }
  void real(const char*, double&, double, double, const char*) override {}
  void boolean(const char*, bool&, const char*) override {}
  void text(const char*, std::string&, std::vector<std::string>, const char*) override {}
  void reals(const char*, std::vector<double>&, double, double, const char*) override {}
  void integers(const char*, std::vector<int64_t>&, int64_t, int64_t, const char*) override {}
  void begin_group(const char*, const char*) override {}
  void end_group() override {}
};

/// A copy of the recipe's settings with small integers.
std::shared_ptr<void> small_settings(const RecipeSection& recipe) {
  Settings all;
  all.add_layer(
      to_json([&](Fields& field) { recipe.plugin->describe(recipe.config.get(), field); }),
      "self-test");
  std::shared_ptr<void> copy = recipe.plugin->make_config();
  all.apply([&](Fields& field) { recipe.plugin->describe(copy.get(), field); });
  Bound bound;
  recipe.plugin->describe(copy.get(), bound);
  return copy;
}

DatasetInfo small_data(const DatasetInfo& data, int64_t batch) {
  DatasetInfo small = data;
  small.size = batch;
  if (small.class_names.size() > kMostOfAnything) small.class_names.resize(kMostOfAnything);
  return small;
}

at::Tensor noise(at::IntArrayRef shape, double size, Random random) {
  const at::Tensor values = at::empty(shape, at::kDouble);
  double* data = values.data_ptr<double>();
  for (int64_t i = 0; i < values.numel(); ++i) data[i] = random.uniform(-size, size);
  return values;
}

/// float64 on the device, and nothing that starts at zero: gradients behind it would be zero too.
void prepare(Recipe& recipe, at::Device device) {
  constexpr double kShake = 0.1;
  const at::NoGradGuard no_grad;
  uint64_t number = 0;
  for (at::Tensor& parameter : recipe.parameters()) {
    const Random random(kSeed, 0, number++, Purpose::recipe, kWeights);
    const at::Tensor shaken = parameter.to(at::kDouble) + noise(parameter.sizes(), kShake, random);
    parameter.set_data(shaken.to(device));
  }
  for (at::Tensor& buffer : recipe.buffers()) {
    const at::Tensor wide = buffer.is_floating_point() ? buffer.to(at::kDouble) : buffer;
    buffer.set_data(wide.to(device));
  }
  recipe.train();
}

}  // namespace

Miniature make_miniature(const RunConfig& config, const DatasetInfo& data, int64_t batch,
                         int64_t norm_batch, Group& group) {
  Miniature small;
  small.piece = std::make_shared<Shard>();
  TrainPlan plan;
  plan.batch = batch;
  plan.epochs = 1;
  plan.steps = plan.steps_per_epoch = 8;
  plan.seed = kSeed;
  plan.norm = {norm_batch, &group, small.piece};
  const DatasetInfo info = small_data(data, batch);
  EncoderConfig encoder;
  encoder.name = "tiny";
  encoder.width = kWidth;
  encoder.drop_path = config.encoder.drop_path;
  const auto make_encoder_of = [&](int64_t size) {
    return make_encoder(encoder, info.channels, size, plan.norm);
  };
  const auto make = [&](const void* settings) {
    return make_recipe(*config.recipe.plugin, settings, Setup{make_encoder_of, group, info, plan});
  };
  try {
    small.recipe = make(small_settings(config.recipe).get());
  } catch (const ConfigError&) {  // small values that do not fit the others
    small.recipe = make(config.recipe.config.get());
  }
  prepare(*small.recipe, group.device());
  return small;
}

Batch make_miniature_batch(const Recipe& recipe, const DatasetInfo& data, int64_t batch,
                           Group& group) {
  const DatasetInfo info = small_data(data, batch);
  Batch made;
  made.shard = shard(batch, group.size(), group.rank());
  made.random = Random(kSeed, 0, 0, Purpose::recipe);
  const int64_t rows = made.shard.size();
  const auto classes = static_cast<int64_t>(info.class_names.size());
  const auto targets = static_cast<int64_t>(info.targets.size());
  const size_t views = recipe.views().size();
  const std::vector<bool> shuffled = recipe.shuffled_views();
  const std::vector<int64_t> permutation = batch_permutation(kSeed, 0, 0, batch);
  std::vector<std::vector<at::Tensor>> images(views);
  std::vector<at::Tensor> target_rows;
  for (int64_t row = made.shard.begin; row < made.shard.end; ++row) {
    const auto item = static_cast<uint64_t>(row) + 1;
    for (size_t v = 0; v < views; ++v) {
      const bool is_shuffled = !shuffled.empty() && shuffled[v];
      const auto shown = is_shuffled ? static_cast<uint64_t>(permutation[row]) + 1 : item;
      images[v].push_back(noise({info.channels, kSide, kSide}, 1.0,
                                Random(kSeed, 0, shown, Purpose::view, static_cast<uint8_t>(v))));
    }
    target_rows.push_back(noise({targets}, 1.0, Random(kSeed, 0, item, Purpose::recipe, kTargets)));
  }
  if (!shuffled.empty()) made.permutation = at::tensor(permutation).to(group.device());
  for (const auto& view : images) made.views.push_back(at::stack(view).to(group.device()));
  made.index = at::arange(made.shard.begin, made.shard.end, at::kLong).to(group.device());
  made.label = classes == 0 ? at::full({rows}, -1, made.index.options())
                            : made.index.mul(5).add(1).remainder(classes);
  if (targets > 0) made.target = at::stack(target_rows).to(at::kFloat).to(group.device());
  return made;
}

}  // namespace nearfar
