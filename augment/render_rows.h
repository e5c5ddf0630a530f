// The CPU renderer's path of a view: row by row through the kernels, in buffers of one thread.
#pragma once

#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include "augment/bfloat16.h"
#include "augment/image.h"
#include "augment/kernels.h"
#include "augment/render.h"
#include "augment/tap_table.h"
#include "augment/view.h"

namespace nearfar {

/// Floats on the boundary of a cache line; grows and never shrinks.
class AlignedFloats {
 public:
  /// Memory for `count` floats; what it held before is lost when it grows.
  float* room(size_t count) {
    if (count > size_) {
      const size_t bytes = (count * sizeof(float) + kLine - 1) / kLine * kLine;
      floats_.reset(static_cast<float*>(std::aligned_alloc(kLine, bytes)));
      if (!floats_) throw std::bad_alloc();
      size_ = count;
    }
    return floats_.get();
  }

 private:
  static constexpr size_t kLine = 64;
  struct Free {
    void operator()(float* floats) const { std::free(floats); }
  };
  std::unique_ptr<float, Free> floats_;
  size_t size_ = 0;
};

struct RenderScratch::Buffers {
  TapTable taps;
  TapTable row_taps;
  ColumnTable column_taps;
  AlignedFloats mixed;    // [kTileRows, crop width * channels + kRowSlack] resampled along y
  AlignedFloats picture;  // [rows, channels, pitch] resampled; all rows where they wait for a mean
  AlignedFloats padded;   // [kTileRows, planes, pitch with room for the reflected ends]
  AlignedFloats window;   // [rows that are still needed, planes, pitch] blurred along x
  AlignedFloats blurred;  // [kTileRows, planes, pitch] blurred along x and y
  AlignedFloats staging;  // [width, channels] one finished row on its way past the caches
  std::vector<float> blur_across;       // [2 * radius + 1] weights along rows
  std::vector<float> blur_down;         // [2 * radius + 1] weights along columns
  std::vector<const float*> blur_rows;  // [kTileRows + 2 * radius]
};

/// Renders one view. Preconditions: those that render_view checks.
void render_rows(const Kernels& kernels, const Image& image, const View& view,
                 const RenderTarget& target, RenderScratch::Buffers& buffers, float* out);
void render_rows(const Kernels& kernels, const Image& image, const View& view,
                 const RenderTarget& target, RenderScratch::Buffers& buffers, Bfloat16* out);

}  // namespace nearfar
