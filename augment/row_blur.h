// The Gaussian blur of the CPU renderer: tiles of rows go in, and come out some rows later.
#pragma once

#include <algorithm>

#include "augment/blur.h"
#include "augment/render_rows.h"

namespace nearfar {

/// A Gaussian blur that takes tiles from above and gives rows back as soon as all rows that they
/// are made of were taken.
class RowBlur {
 public:
  RowBlur(const Kernels& kernels, const View& view, Size size, int planes,
          RenderScratch::Buffers& buffers)
      : kernels_(kernels), size_(size), planes_(planes), buffers_(buffers) {
    if (view.blur_kernel == 0) return;
    across_ = make_line(view.blur_kernel, view.blur_sigma, buffers.blur_across);
    down_ = make_line(blur_taps_down(view), view.blur_sigma, buffers.blur_down);
    pitch_ = rounded_up(size.width + 2 * across_.radius, kRowBlock);
    window_rows_ = static_cast<uint32_t>(rounded_up(2 * down_.radius + kTileRows, kTileRows));
    buffers.blur_rows.resize(kTileRows + 2 * down_.radius);
    const size_t behind = 2 * across_.radius + 2 * kRowBlock;
    padded_ = buffers.padded.room(kTileRows * row_floats() + behind);
    std::fill_n(padded_ + kTileRows * row_floats(), behind, 0.0f);
    window_ = buffers.window.room(window_rows_ * row_floats());
    blurred_ = buffers.blurred.room(kTileRows * row_floats());
  }

  bool changes() const { return across_.radius > 0 || down_.radius > 0; }
  /// How many rows below it a row is made of.
  int reach_down() const { return down_.radius; }

  /// Takes the rows from `top` on, a multiple of kTileRows, and blurs them along x.
  void take(int top, const PlanarRows& tile) {
    for (int y = 0; y < tile.rows; ++y) {
      for (int plane = 0; plane < planes_; ++plane) {
        reflect_ends(tile.values + (y * tile.planes + plane) * tile.pitch,
                     padded_ + y * row_floats() + plane * pitch_);
      }
    }
    kernels_.mix_columns(padded_, across_.weights, across_.radius, tile.rows * row_floats(),
                         window_row(top));
  }

  /// Rows top .. top + count, blurred along x and y; at most kTileRows. Precondition: all rows up
  /// to top + count - 1 + reach_down() were taken. They are made piece by piece, so that what
  /// neighbours have in common stays in the first cache.
  PlanarRows give(int top, int count) {
    std::vector<const float*>& rows = buffers_.blur_rows;
    for (int i = 0; i < count + 2 * down_.radius; ++i) {
      rows[i] = window_row(reflect(top + i - down_.radius, size_.height));
    }
    for (size_t begin = 0; begin < row_floats(); begin += kPiece) {
      const size_t end = std::min(begin + kPiece, row_floats());
      for (int y = 0; y < count; ++y) {
        kernels_.mix_rows(&rows[y], down_.weights, down_.radius, begin, end,
                          blurred_ + y * row_floats());
      }
    }
    return {blurred_, count, planes_, pitch_};
  }

 private:
  static constexpr size_t kPiece = 256;

  /// The taps along one direction.
  struct Line {
    int radius = 0;
    const float* weights = nullptr;
  };

  static Line make_line(int kernel, double sigma, std::vector<float>& weights) {
    const int radius = blur_reach(kernel, sigma);
    weights.resize(2 * radius + 1);
    gaussian_weights(2 * radius + 1, sigma, weights.data());
    return {radius, weights.data()};
  }

  size_t row_floats() const { return planes_ * pitch_; }
  float* window_row(int y) {
    return window_ + static_cast<uint32_t>(y) % window_rows_ * row_floats();
  }

  void reflect_ends(const float* row, float* padded) const {
    const int radius = across_.radius;
    std::copy_n(row, size_.width, padded + radius);
    for (int i = 1; i <= radius; ++i) {
      padded[radius - i] = row[reflect(-i, size_.width)];
      padded[radius + size_.width - 1 + i] = row[reflect(size_.width - 1 + i, size_.width)];
    }
    std::fill(padded + 2 * radius + size_.width, padded + pitch_, 0.0f);
  }

  const Kernels& kernels_;
  const Size size_;
  const int planes_;
  RenderScratch::Buffers& buffers_;
  Line across_;
  Line down_;
  size_t pitch_ = 0;
  uint32_t window_rows_ = 0;
  float* padded_ = nullptr;
  float* window_ = nullptr;
  float* blurred_ = nullptr;
};

}  // namespace nearfar
