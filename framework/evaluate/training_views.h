// Features of labelled images as a probe trains on them: batches, epoch after epoch, in a seeded
// order.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "framework/data/dataset.h"
#include "framework/encoders/encoder.h"
#include "framework/evaluate/features.h"
#include "framework/log/log.h"

namespace nearfar {

/// How often and in what pieces a probe looks at its images.
struct PassPlan {
  int64_t batch = 256;
  int64_t epochs = 1;
  uint64_t seed = 0;  // of the orders and of the views
};

/// Takes features [n, d] float32 and row [n] int64, which of the labelled images each one shows.
using ConsumeViews = std::function<void(const at::Tensor& features, const at::Tensor& row)>;

/// Hands the training images at `positions` [m] int64 to `consume`: each once an epoch in batches
/// (the last one of an epoch may be smaller), in epoch_order(seed, epoch, m). A row is a place in
/// `positions`.
using TrainingViews = std::function<void(const at::Tensor& positions, const PassPlan& plan,
                                         const ConsumeViews& consume)>;

/// The same features [N, d] in every epoch.
TrainingViews fixed_features(at::Tensor features);

/// How a probe's images are augmented: RandomResizedCrop and a flip, as MoCo, SimCLR and DINOv2 do.
struct ProbeViews {
  double crop_min = 0.08;
  double crop_max = 1.0;
  double flip = 0.5;

  void describe(auto& field) {
    field("crop_min", crop_min, 1e-4, 1.0, "smallest share of the image's area that a crop covers");
    field("crop_max", crop_max, 1e-4, 1.0, "largest share of the image's area that a crop covers");
    field("flip", flip, 0.0, 1.0, "probability of a horizontal flip");
  }
};

/// A view drawn anew in every epoch, through the frozen encoder in evaluation mode: its modules'
/// modes are as before afterwards, and its parameters and buffers are checked to be unchanged to
/// the bit. `log` must outlive the result. Throws ConfigError for views that
/// contradict themselves, what a ViewLoader throws, DataError naming the image when a feature is
/// not finite.
TrainingViews encoded_views(std::shared_ptr<Encoder> encoder, std::shared_ptr<const Dataset> data,
                            const ProbeViews& views, const FeatureOptions& options, Log& log);

/// The same views' pixels in [0, 1] as features [n, size * size * channels], of the size that
/// raw_pixels gives.
TrainingViews pixel_views(std::shared_ptr<const Dataset> data, const ProbeViews& views,
                          int64_t size_limit, int workers, Log& log);

}  // namespace nearfar
