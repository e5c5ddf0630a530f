// Runs an encoder over a data set the way evaluation sees it: no augmentation, no gradient.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "augment/render.h"
#include "augment/view.h"
#include "framework/data/dataset.h"
#include "framework/encoders/encoder.h"
#include "framework/evaluate/image_batches.h"

namespace nearfar {

/// One row per image of a data set, in its order; none for images that were left out.
struct Features {
  at::Tensor features;              // [N, d] float32, on the CPU
  at::Tensor label;                 // [N] int64, -1 without labels
  std::vector<std::string> places;  // [N] Dataset::place
  std::vector<int64_t> positions;   // [N] in the data set
  BadImages bad;                    // unreadable images, left out
};

struct FeatureOptions {
  int64_t image_size = 0;  // side of the encoder's input; 0: the set's own, 224 where images differ
  Normalize normalize;
  int64_t batch = 256;
  int workers = 1;  // threads that read and render ahead of the encoder
  bool leave_out_bad_images = false;
};

/// The side of the images that image_size stands for.
int64_t evaluation_size(const DatasetInfo& info, int64_t image_size);

/// The part of an image that evaluation sees. Small square images (up to 64 pixels) whole; others
/// the central square of 224/256 of the shorter side, which is torchvision's "resize the shorter
/// side to size * 256 / 224, crop the centre" up to whole pixels of the original.
Box evaluation_crop(int height, int width);

/// Labels of every image, [N] int64, -1 without labels.
at::Tensor labels_of(const Dataset& dataset);

/// Features of every image. The encoder runs in evaluation mode; every module's mode is as before
/// afterwards, also after an error. Deterministic, whatever `workers`. Throws BadImage for the
/// first unreadable image unless they are left out, DataError where none can be read, DataError
/// naming the image when its features are not finite or so large that their squares would not be.
Features extract_features(Encoder& encoder, const Dataset& dataset, const FeatureOptions& options);

/// The side of raw_pixels' images: their own for square ones up to size_limit, else size_limit.
int64_t raw_pixel_side(const DatasetInfo& info, int64_t size_limit);

/// Pixels in [0, 1] as features: rows [height * width * channels], images larger than `size_limit`
/// or of differing sizes resized to size_limit x size_limit.
Features raw_pixels(const Dataset& dataset, int64_t size_limit = 32, int workers = 1);

}  // namespace nearfar
