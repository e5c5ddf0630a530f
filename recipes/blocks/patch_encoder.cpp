// Patches, and their encoder's names.
#include "recipes/blocks/patch_encoder.h"

#include <torch/types.h>

#include <utility>

#include "framework/encoders/rows_per_image.h"

namespace nearfar {

PatchEncoder::PatchEncoder(std::shared_ptr<Encoder> of_patches, int64_t patch, int64_t stride)
    : of_patches_(std::move(of_patches)), patch_(patch), stride_(stride) {
  TORCH_CHECK(patch > 0 && stride > 0, "PatchEncoder: expected patches, got ", patch,
              " pixels every ", stride);
  // What the inner encoder holds, without a prefix.
  for (const auto& child : of_patches_->named_children()) {
    register_module(child.key(), child.value());
  }
  for (const auto& item : of_patches_->named_parameters(/*recurse=*/false)) {
    register_parameter(item.key(), item.value(), item.value().requires_grad());
  }
  for (const auto& item : of_patches_->named_buffers(/*recurse=*/false)) {
    register_buffer(item.key(), item.value());
  }
}

void PatchEncoder::train(bool on) {
  Encoder::train(on);
  of_patches_->train(on);
}

PatchGrid PatchEncoder::grid(int64_t height, int64_t width) const {
  if (height < patch_ || width < patch_) return {};
  return {(height - patch_) / stride_ + 1, (width - patch_) / stride_ + 1};
}

at::Tensor PatchEncoder::patches(const at::Tensor& images, Random& random) {
  TORCH_CHECK(images.dim() == 4, "PatchEncoder: expected images [N, C, H, W], got ",
              images.sizes());
  const PatchGrid cut = grid(images.size(2), images.size(3));
  TORCH_CHECK(cut.size() > 0, "PatchEncoder: expected images of at least ", patch_, " x ", patch_,
              " pixels, got ", images.size(2), " x ", images.size(3));
  const at::Tensor patches = images
                                 .unfold(2, patch_, stride_)  // [N, C, rows, columns, p, p]
                                 .unfold(3, patch_, stride_)
                                 .permute({0, 2, 3, 1, 4, 5})
                                 .reshape({-1, images.size(1), patch_, patch_})
                                 .contiguous(at::MemoryFormat::ChannelsLast);
  const RowsPerImage each(cut.size());
  return of_patches_->forward(patches, random)
      .reshape({images.size(0), cut.rows, cut.columns, width()});
}

at::Tensor PatchEncoder::forward(const at::Tensor& images, Random& random) {
  return patches(images, random).mean({1, 2});
}

}  // namespace nearfar
