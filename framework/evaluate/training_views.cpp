// Features of labelled images as a probe trains on them: batches, epoch after epoch, in a seeded
// order.
#include "framework/evaluate/training_views.h"

#include <torch/types.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "framework/data/loader.h"
#include "framework/data/subset.h"
#include "framework/error.h"
#include "framework/evaluate/frozen.h"

namespace nearfar {
namespace {

/// From images [n, C, side, side], channels-last, to features [n, d].
using Encode = std::function<at::Tensor(const at::Tensor& images)>;

std::vector<int64_t> to_vector(const at::Tensor& positions) {
  const at::Tensor values = positions.contiguous();
  return {values.data_ptr<int64_t>(), values.data_ptr<int64_t>() + values.numel()};
}

/// RandomResizedCrop's aspect ratios, no colours, no blur.
ViewPolicy policy_of(const ProbeViews& views, int64_t size) {
  ViewPolicy policy;
  policy.size = size;
  policy.crop_min = views.crop_min;
  policy.crop_max = views.crop_max;
  policy.flip = views.flip;
  policy.jitter = policy.grayscale = policy.blur = policy.solarize = 0.0;
  const std::string problem = policy_error(policy);
  if (!problem.empty()) throw ConfigError("evaluate.linear_sgd.view." + problem);
  return policy;
}

/// A batch's only view as images; the batch must outlive them.
at::Tensor images_of(ViewBatch& batch) {
  const Size size = batch.targets.front().size;
  return at::from_blob(
             batch.views.front().data(),
             {static_cast<int64_t>(batch.index.size()), size.height, size.width, batch.channels},
             at::kFloat)
      .permute({0, 3, 1, 2});
}

void check_finite(const at::Tensor& features, const ViewBatch& batch, const Dataset& data) {
  const at::Tensor finite = at::isfinite(features).all(1);
  if (finite.all().item<bool>()) return;
  const int64_t row = finite.logical_not().to(at::kInt).argmax().item<int64_t>();
  throw DataError(data.place(batch.index[row]) +
                  ": expected finite features of its augmented view, found NaN or infinity");
}

/// What is done for every batch of a pass.
struct Pass {
  std::shared_ptr<const Dataset> data;  // the labelled images
  ViewPolicy policy;
  Normalize normalize;
  int workers = 1;
  Log& log;

  void run(const PassPlan& plan, const Encode& encode, const ConsumeViews& consume) const {
    const int64_t size = data->info().size;
    LoaderPlan loading;
    loading.seed = plan.seed;
    loading.batch = plan.batch;
    loading.drop_last = false;
    loading.workers = workers;
    loading.normalize = normalize;
    ViewLoader loader(data, {policy}, loading, log);
    for (int64_t epoch = 0; epoch < plan.epochs; ++epoch) {
      loader.begin_epoch(epoch, epoch_order(plan.seed, epoch, size));
      const int64_t steps = steps_per_epoch(size, plan.batch, /*drop_last=*/false);
      for (int64_t step = 0; step < steps; ++step) {
        ViewBatch batch = loader.next();
        const at::Tensor features = encode(images_of(batch));
        check_finite(features, batch, *data);
        consume(features, at::tensor(batch.index, at::kLong));
        loader.recycle(std::move(batch));
      }
    }
  }
};

at::Device device_of(const Encoder& encoder) {
  const auto parameters = encoder.parameters();
  return parameters.empty() ? at::Device(at::kCPU) : parameters.front().device();
}

}  // namespace

TrainingViews fixed_features(at::Tensor features) {
  return [features = std::move(features)](const at::Tensor& positions, const PassPlan& plan,
                                          const ConsumeViews& consume) {
    const int64_t size = positions.size(0);
    const at::Tensor labelled = features.index_select(0, positions);
    for (int64_t epoch = 0; epoch < plan.epochs; ++epoch) {
      const at::Tensor order = at::tensor(epoch_order(plan.seed, epoch, size), at::kLong);
      for (int64_t first = 0; first < size; first += plan.batch) {
        const at::Tensor row = order.narrow(0, first, std::min(plan.batch, size - first));
        consume(labelled.index_select(0, row), row);
      }
    }
  };
}

TrainingViews encoded_views(std::shared_ptr<Encoder> encoder, std::shared_ptr<const Dataset> data,
                            const ProbeViews& views, const FeatureOptions& options, Log& log) {
  const ViewPolicy policy = policy_of(views, evaluation_size(data->info(), options.image_size));
  return [=, &log](const at::Tensor& positions, const PassPlan& plan, const ConsumeViews& consume) {
    const at::NoGradGuard no_grad;
    const EvaluationMode evaluation_mode(*encoder);
    const FrozenCheck frozen(*encoder);
    const at::Device device = device_of(*encoder);
    Random random(plan.seed, 0, 0, Purpose::evaluation);
    const Pass pass{subset(data, to_vector(positions)), policy, options.normalize, options.workers,
                    log};
    pass.run(
        plan,
        [&](const at::Tensor& images) {
          return encoder->forward(images.to(device), random).to(at::kCPU, at::kFloat);
        },
        consume);
    frozen.verify(*encoder);
  };
}

TrainingViews pixel_views(std::shared_ptr<const Dataset> data, const ProbeViews& views,
                          int64_t size_limit, int workers, Log& log) {
  const ViewPolicy policy = policy_of(views, raw_pixel_side(data->info(), size_limit));
  return [=, &log](const at::Tensor& positions, const PassPlan& plan, const ConsumeViews& consume) {
    const Pass pass{subset(data, to_vector(positions)), policy, Normalize{}, workers, log};
    // Rows of pixels as raw_pixels has them: channels last. A copy: the batch's memory is reused.
    pass.run(
        plan,
        [](const at::Tensor& images) {
          return images.permute({0, 2, 3, 1}).reshape({images.size(0), -1}).clone();
        },
        consume);
  };
}

}  // namespace nearfar
