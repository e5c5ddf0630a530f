// The resize of the CPU renderer, a tile of rows at a time.
#pragma once

#include <algorithm>

#include "augment/render_rows.h"

namespace nearfar {

/// Crop, antialiased resize and flip. The filter never sees pixels outside the crop.
class RowResampler {
 public:
  RowResampler(const Kernels& kernels, const Image& image, const View& view,
               const RenderTarget& target, RenderScratch::Buffers& buffers)
      : kernels_(kernels), crop_(view.crop), image_(image), size_(target.size), buffers_(buffers) {
    buffers.taps.fill(target.interpolation, crop_.width, size_.width, view.flip, 1.0f);
    buffers.column_taps.fill(buffers.taps, crop_.width, size_.width, image.channels);
    buffers.row_taps.fill(target.interpolation, crop_.height, size_.height, false, 1.0f / 255.0f);
    crop_bytes_ = static_cast<size_t>(crop_.width) * image.channels;
    image_pitch_ = static_cast<size_t>(image.width) * image.channels;
    mixed_pitch_ = crop_bytes_ + kRowSlack;
    mixed_ = buffers.mixed.room(kTileRows * mixed_pitch_);
  }

  /// kTileRows planar rows from `top` on, which begin `pitch` apart; those below the picture repeat
  /// the last one.
  void resample(int top, float* rows, size_t pitch) {
    prefetch_for(top + kTileRows);
    for (int i = 0; i < kTileRows; ++i) {
      const int y = std::min(top + i, size_.height - 1);
      const TapRange taps = buffers_.row_taps.taps(y);
      kernels_.mix_levels(row_of_crop(taps.first), image_pitch_, buffers_.row_taps.weights(y),
                          taps.count, crop_bytes_, mixed_ + i * mixed_pitch_);
    }
    kernels_.resample_columns(mixed_, mixed_pitch_, buffers_.column_taps.taps(), rows, pitch);
  }

 private:
  const uint8_t* row_of_crop(int y) const {
    return image_.pixels + (crop_.top - image_.top + y) * image_pitch_ +
           static_cast<size_t>(crop_.left - image_.left) * image_.channels;
  }

  int end_of_taps(int y) const {
    const TapRange taps = buffers_.row_taps.taps(std::min(y, size_.height - 1));
    return taps.first + taps.count;
  }

  /// Asks for the rows of the tile at `top` that the tiles before do not need: the processor cannot
  /// guess where the next row of a crop begins. Inlined, since GCC leaves out calls of a function
  /// that does nothing but this.
  __attribute__((always_inline)) void prefetch_for(int top) const {
    constexpr size_t kLine = 64;
    // More would push what this tile reads out of the first cache.
    constexpr size_t kMost = size_t{16} << 10;
    const int begin = end_of_taps(top - 1);
    const int most = static_cast<int>(kMost / crop_bytes_);
    const int end = std::min(end_of_taps(top + kTileRows - 1), begin + most);
    for (int y = begin; y < end; ++y) {
      const uint8_t* row = row_of_crop(y);
      for (size_t i = 0; i < crop_bytes_; i += kLine) __builtin_prefetch(row + i);
    }
  }

  const Kernels& kernels_;
  const Box crop_;
  const Image& image_;
  const Size size_;
  RenderScratch::Buffers& buffers_;
  size_t crop_bytes_ = 0;   // of one row
  size_t image_pitch_ = 0;  // from row to row
  size_t mixed_pitch_ = 0;
  float* mixed_ = nullptr;
};

}  // namespace nearfar
