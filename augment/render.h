// The CPU renderer: turns images and views into normalised tensors of float32 or bfloat16.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>

#include "augment/bfloat16.h"
#include "augment/image.h"
#include "augment/view.h"

namespace nearfar {

/// (x - mean) / std per channel, on values in [0, 1].
struct Normalize {
  std::array<float, 3> mean{0.0f, 0.0f, 0.0f};
  std::array<float, 3> std{1.0f, 1.0f, 1.0f};
};

/// What all views of a batch have in common.
struct RenderTarget {
  Size size;
  Interpolation interpolation = Interpolation::bilinear;
  Normalize normalize;
  bool past_caches = false;  // for batches that are larger than the caches: see larger_than_caches
};

/// Whether a batch of so many bytes is gone from this machine's caches before it is read. Writing
/// it past them then spares memory a read of every line.
bool larger_than_caches(size_t bytes);

/// Working memory of one thread; grows to what the largest view needs and is then reused.
class RenderScratch {
 public:
  RenderScratch();
  ~RenderScratch();
  RenderScratch(RenderScratch&&) noexcept;
  RenderScratch& operator=(RenderScratch&&) noexcept;
  struct Buffers;
  Buffers& buffers() { return *buffers_; }

 private:
  std::unique_ptr<Buffers> buffers_;
};

/// Renders one view into out[size.height, size.width, image.channels] (channels-last), with the
/// numbers of torchvision's float32 path. Throws std::invalid_argument when the crop leaves the
/// decoded window, the size is empty, or the blur is wider than its reflection allows.
void render_view(const Image& image, const View& view, const RenderTarget& target,
                 RenderScratch& scratch, float* out);
/// The same, rounded to bfloat16 at the end.
void render_view(const Image& image, const View& view, const RenderTarget& target,
                 RenderScratch& scratch, Bfloat16* out);

/// Renders views[i] of images[i] into out[i, height, width, channels], in parallel over views on
/// `threads` threads. The result does not depend on `threads`. All images have equal channels.
void render(std::span<const Image> images, std::span<const View> views, const RenderTarget& target,
            int threads, float* out);
void render(std::span<const Image> images, std::span<const View> views, const RenderTarget& target,
            int threads, Bfloat16* out);

}  // namespace nearfar
