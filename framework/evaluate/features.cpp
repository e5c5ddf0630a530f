// Runs an encoder over a data set the way evaluation sees it: no augmentation, no gradient.
#include "framework/evaluate/features.h"

#include <torch/types.h>

#include <algorithm>
#include <utility>

#include "augment/random.h"
#include "framework/evaluate/frozen.h"

namespace nearfar {
namespace {

constexpr int kWholeUpTo = 64;             // pixels: where the small-image encoders end
constexpr double kLongestFeatures = 1e15;  // sums of squares of a million such fit into float32

Features empty_features(const Dataset& dataset, int64_t width) {
  const int64_t size = dataset.info().size;
  if (size == 0) throw DataError(dataset.info().path + ": expected images to evaluate, found none");
  Features result;
  result.features = at::empty({size, width}, at::kFloat);
  result.label = labels_of(dataset);
  for (int64_t i = 0; i < size; ++i) {
    result.places.push_back(dataset.place(i));
    result.positions.push_back(i);
  }
  return result;
}

/// The rows of the images that could be read.
Features without(BadImages bad, const Features& all, const Dataset& dataset) {
  const auto size = static_cast<int64_t>(all.positions.size());
  if (static_cast<int64_t>(bad.size()) == size) {
    throw DataError(dataset.info().path + ": none of the " + std::to_string(size) +
                    " images can be read; first: " + bad.begin()->second);
  }
  Features result;
  for (const int64_t i : all.positions) {
    if (bad.count(i) > 0) continue;
    result.places.push_back(all.places[i]);
    result.positions.push_back(i);
  }
  const at::Tensor rows = at::tensor(result.positions, at::kLong);
  result.features = all.features.index_select(0, rows);
  result.label = all.label.index_select(0, rows);
  result.bad = std::move(bad);
  return result;
}

void check_finite(const at::Tensor& features, int64_t first, const Features& all) {
  const at::Tensor finite = features.norm(2, {1}) <= kLongestFeatures;
  if (finite.all().item<bool>()) return;
  const int64_t row = finite.logical_not().to(at::kInt).argmax().item<int64_t>();
  throw DataError(all.places[first + row] +
                  ": expected finite features, the encoder gave NaN, infinity or a length above "
                  "1e15");
}

BatchPlan make_plan(int side, const Normalize& normalize, int64_t batch, int workers) {
  TORCH_CHECK(batch > 0 && workers > 0, "features: expected batch > 0 and workers > 0, got ", batch,
              " and ", workers);
  BatchPlan plan;
  plan.batch = batch;
  plan.workers = workers;
  plan.target.size = {side, side};
  plan.target.normalize = normalize;
  plan.crop = evaluation_crop;
  return plan;
}

}  // namespace

int64_t evaluation_size(const DatasetInfo& info, int64_t image_size) {
  if (image_size > 0) return image_size;
  return info.height > 0 ? std::min(info.height, info.width) : 224;
}

at::Tensor labels_of(const Dataset& dataset) {
  at::Tensor label = at::empty({dataset.info().size}, at::kLong);
  for (int64_t i = 0; i < label.size(0); ++i) label.data_ptr<int64_t>()[i] = dataset.label(i);
  return label;
}

Box evaluation_crop(int height, int width) {
  if (height == width && height <= kWholeUpTo) return {0, 0, height, width};
  const int side = std::max(1, (std::min(height, width) * 224 + 128) / 256);
  return {(height - side) / 2, (width - side) / 2, side, side};
}

Features extract_features(Encoder& encoder, const Dataset& dataset, const FeatureOptions& options) {
  const at::NoGradGuard no_grad;
  const EvaluationMode evaluation_mode(encoder);
  const int side = static_cast<int>(evaluation_size(dataset.info(), options.image_size));
  BadImages bad;
  BatchPlan plan = make_plan(side, options.normalize, options.batch, options.workers);
  if (options.leave_out_bad_images) plan.bad = &bad;
  const auto parameters = encoder.parameters();
  const at::Device device = parameters.empty() ? at::Device(at::kCPU) : parameters.front().device();
  const int channels = dataset.info().channels;
  Random random(0, 0, 0, Purpose::evaluation);
  Features result = empty_features(dataset, encoder.width());
  for_each_batch(dataset, plan, [&](int64_t first, int64_t count, std::vector<float>& pixels) {
    const at::Tensor images =
        at::from_blob(pixels.data(), {count, side, side, channels}, at::kFloat)
            .permute({0, 3, 1, 2})
            .to(device);
    const at::Tensor features = encoder.forward(images, random).to(at::kCPU, at::kFloat);
    check_finite(features, first, result);
    result.features.narrow(0, first, count).copy_(features);
  });
  return bad.empty() ? result : without(std::move(bad), result, dataset);
}

int64_t raw_pixel_side(const DatasetInfo& info, int64_t size_limit) {
  const bool whole = info.height > 0 && info.height == info.width && info.height <= size_limit;
  return whole ? info.height : size_limit;
}

Features raw_pixels(const Dataset& dataset, int64_t size_limit, int workers) {
  const DatasetInfo& info = dataset.info();
  const int side = static_cast<int>(raw_pixel_side(info, size_limit));
  const BatchPlan plan = make_plan(side, Normalize{}, 256, workers);
  const int64_t width = int64_t{side} * side * info.channels;
  Features result = empty_features(dataset, width);
  for_each_batch(dataset, plan, [&](int64_t first, int64_t count, std::vector<float>& pixels) {
    std::copy_n(pixels.data(), count * width, result.features.data_ptr<float>() + first * width);
  });
  return result;
}

}  // namespace nearfar
