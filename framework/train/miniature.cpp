// Small recipes and their batches.
#include "framework/train/miniature.h"

#include <torch/types.h>

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "framework/config/settings.h"
#include "framework/data/batch_permutation.h"
#include "framework/encoders/batch_norm.h"
#include "framework/encoders/make_encoder.h"
#include "framework/error.h"
#include "framework/recipe/make_recipe.h"
#include "framework/train/plan.h"

namespace nearfar {
namespace {

constexpr uint64_t kSeed = 17;
constexpr int64_t kMostOfAnything = 64;  // queues, banks, heads, classes
constexpr int64_t kSide = 12;            // of the largest view, in pixels
constexpr int64_t kLeastSide = 4;        // of any view
constexpr int64_t kWidth = 4;            // of the encoder
// In float32, oneDNN (LibTorch 2.11) writes past the gradient of a strided 1x1 convolution of four
// channels, channels-last.
constexpr int64_t kFloatWidth = 8;
// Streams of random numbers, beside those of the views.
constexpr uint8_t kWeights = 64, kTargets = 65, kImages = 66;

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
  void texts(const char*, std::vector<std::string>&, const char*) override {}
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

DatasetInfo small_data(const DatasetInfo& data, int64_t images) {
  DatasetInfo small = data;
  small.size = images;
  if (small.class_names.size() > kMostOfAnything) small.class_names.resize(kMostOfAnything);
  return small;
}

at::Tensor noise(at::IntArrayRef shape, double size, Random random) {
  const at::Tensor values = at::empty(shape, at::kDouble);
  double* data = values.data_ptr<double>();
  for (int64_t i = 0; i < values.numel(); ++i) data[i] = random.uniform(-size, size);
  return values;
}

/// plan.type on the device, and nothing that starts at zero: gradients behind it would be zero too.
void prepare(Recipe& recipe, const MiniaturePlan& plan, at::Device device) {
  constexpr double kShake = 0.1;
  const at::NoGradGuard no_grad;
  uint64_t number = 0;
  for (at::Tensor& parameter : recipe.parameters()) {
    const Random random(kSeed, 0, number++, Purpose::recipe, kWeights);
    at::Tensor value = parameter.to(plan.type);
    if (plan.shaken) value = value + noise(parameter.sizes(), kShake, random).to(plan.type);
    parameter.set_data(value.to(device));
  }
  for (at::Tensor& buffer : recipe.buffers()) {
    const at::Tensor wide = buffer.is_floating_point() ? buffer.to(plan.type) : buffer;
    buffer.set_data(wide.to(device));
  }
  recipe.train();
}

TrainPlan train_plan(const RunConfig& config, const MiniaturePlan& plan, Group& group,
                     const std::shared_ptr<const Shard>& piece) {
  TrainPlan train;
  train.batch = plan.batch;
  train.steps = plan.steps;
  train.steps_per_epoch = std::max<int64_t>(1, plan.images / plan.batch);
  train.epochs = (train.steps + train.steps_per_epoch - 1) / train.steps_per_epoch;
  train.seed = plan.seed;
  train.norm = {plan.norm_batch, &group, piece};
  train.images_per_class = sampler_plan(config).images_per_class;
  return train;
}

int64_t largest_size(const Recipe& recipe) {
  int64_t largest = 1;
  for (const ViewPolicy& view : recipe.views()) largest = std::max(largest, view.size);
  return largest;
}

/// One view of an image: what all views of it show, and what this one shows alone.
at::Tensor view_of(const MiniatureBatch& what, at::IntArrayRef shape, int64_t image, size_t view) {
  if (what.constant) return at::full(shape, *what.constant, at::kDouble);
  const auto item = static_cast<uint64_t>(image) + 1;
  const auto epoch = static_cast<uint64_t>(what.step);
  const at::Tensor alone =
      noise(shape, 1.0, Random(kSeed, epoch, item, Purpose::view, static_cast<uint8_t>(view)));
  if (what.own == 1.0) return alone;
  const at::Tensor shared = noise(shape, 1.0, Random(kSeed, 0, item, Purpose::recipe, kImages));
  return alone * what.own + shared * (1.0 - what.own);
}

/// This rank's rows of one view.
at::Tensor rows_of_view(const MiniatureBatch& what, const Shard& rows, at::IntArrayRef shape,
                        size_t view, const std::vector<int64_t>& shown) {
  std::vector<at::Tensor> images;
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    images.push_back(view_of(what, shape, what.index[static_cast<size_t>(shown[row])], view));
  }
  return at::stack(images).to(what.type).contiguous(at::MemoryFormat::ChannelsLast);
}

void add_labels(Batch& made, const MiniatureBatch& what, const DatasetInfo& info,
                at::Device device) {
  const auto classes = static_cast<int64_t>(info.class_names.size());
  const auto targets = static_cast<int64_t>(info.targets.size());
  const std::vector<int64_t> mine(what.index.begin() + made.shard.begin,
                                  what.index.begin() + made.shard.end);
  made.index = at::tensor(mine, at::kLong).to(device);
  // Neighbours are of one class: among few images of many classes, too, some are alike.
  const at::Tensor number = made.index.div(2, "floor").mul(5).add(1);
  made.label = classes == 0 ? at::full_like(made.index, -1) : number.remainder(classes);
  if (targets == 0) return;
  std::vector<at::Tensor> rows;
  for (const int64_t image : mine) {
    const auto item = static_cast<uint64_t>(image) + 1;
    rows.push_back(noise({targets}, 1.0, Random(kSeed, 0, item, Purpose::recipe, kTargets)));
  }
  made.target = at::stack(rows).to(at::kFloat).to(device);
}

std::vector<int64_t> first_numbers(int64_t count) {
  std::vector<int64_t> numbers(static_cast<size_t>(count));
  std::iota(numbers.begin(), numbers.end(), int64_t{0});
  return numbers;
}

}  // namespace

Miniature make_miniature(const RunConfig& config, const DatasetInfo& data,
                         const MiniaturePlan& plan, Group& group) {
  Miniature small;
  small.piece = std::make_shared<Shard>();
  const TrainPlan train = train_plan(config, plan, group, small.piece);
  const DatasetInfo info = small_data(data, plan.images > 0 ? plan.images : plan.batch);
  EncoderConfig encoder;
  encoder.name = "tiny";
  encoder.width = plan.type == at::kDouble ? kWidth : kFloatWidth;
  encoder.drop_path = config.encoder.drop_path;
  const auto make_encoder_of = [&](int64_t size) {
    small.encoders.push_back(make_encoder(encoder, info.channels, size, train.norm));
    return small.encoders.back();
  };
  const auto make = [&](const void* settings) {
    return make_recipe(*config.recipe.plugin, settings, Setup{make_encoder_of, group, info, train});
  };
  try {
    small.recipe = make(small_settings(config.recipe).get());
  } catch (const ConfigError&) {  // small values that do not fit the others
    small.encoders.clear();
    small.recipe = make(config.recipe.config.get());
  }
  prepare(*small.recipe, plan, group.device());
  return small;
}

int64_t image_side(const Recipe& recipe, const std::vector<std::shared_ptr<Encoder>>& encoders) {
  const bool is_given =
      std::find(encoders.begin(), encoders.end(), recipe.encoder()) != encoders.end();
  return is_given ? kSide : largest_size(recipe);
}

void remember(Recipe& recipe, Shard& piece, const Batch& batch) {
  const at::NoGradGuard no_grad;
  piece = batch.shard;
  recipe.after_step(recipe.embed(batch), batch);
  drop_pending_statistics(recipe);
}

Batch make_miniature_batch(const Recipe& recipe, const DatasetInfo& data,
                           const MiniatureBatch& given, Group& group) {
  MiniatureBatch what = given;
  if (what.index.empty()) what.index = first_numbers(what.batch);
  Batch made;
  made.shard = shard(what.batch, group.size(), group.rank());
  made.step = what.step;
  made.epoch = what.epoch;
  made.progress = what.progress;
  made.random = Random(kSeed, static_cast<uint64_t>(what.epoch), static_cast<uint64_t>(what.step),
                       Purpose::recipe);
  const std::vector<ViewPolicy> views = recipe.views();
  const std::vector<bool> shuffled = recipe.shuffled_views();
  const std::vector<int64_t> in_order = first_numbers(what.batch);
  const std::vector<int64_t> permutation = batch_permutation(kSeed, what.step, 0, what.batch);
  const int64_t largest = largest_size(recipe);
  for (size_t v = 0; v < views.size(); ++v) {
    const int64_t side = std::max(kLeastSide, what.side * views[v].size / largest);
    const bool is_shuffled = !shuffled.empty() && shuffled[v];
    made.views.push_back(rows_of_view(what, made.shard, {data.channels, side, side}, v,
                                      is_shuffled ? permutation : in_order)
                             .to(group.device()));
  }
  if (!shuffled.empty()) made.permutation = at::tensor(permutation).to(group.device());
  add_labels(made, what, small_data(data, what.batch), group.device());
  return made;
}

}  // namespace nearfar
