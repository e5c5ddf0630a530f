// An encoder of overlapping patches: an image is the mean of what they show.
#pragma once

#include <memory>

#include "framework/encoders/encoder.h"
#include "framework/encoders/position_embedding.h"

namespace nearfar {

/// Cuts images [N, C, H, W] into square patches, row by row, `stride` pixels apart, and gives them
/// to an encoder of patches; pixels right of or below the last whole patch are left out. An image's
/// features are the mean over its patches (van den Oord et al. 2018, section 3.3). Parameters and
/// buffers have the names that they have in the encoder of patches. Patches share BatchNorm
/// statistics with all others of the images in their group.
class PatchEncoder final : public Encoder {
 public:
  /// Precondition: patch > 0, stride > 0.
  PatchEncoder(std::shared_ptr<Encoder> of_patches, int64_t patch, int64_t stride);

  at::Tensor forward(const at::Tensor& images, Random& random) override;
  int64_t width() const override { return of_patches_->width(); }
  void train(bool on = true) override;
  /// The features of every patch [N, rows, columns, width()].
  at::Tensor patches(const at::Tensor& images, Random& random);
  /// The patches of an image; none where it is smaller than one.
  PatchGrid grid(int64_t height, int64_t width) const;

 private:
  std::shared_ptr<Encoder> of_patches_;
  int64_t patch_, stride_;
};

}  // namespace nearfar
