// One view, row by row: a tile of rows is resampled, coloured, blurred and stored while it is in
// cache. Only contrast, which needs the mean of the whole picture, makes rows wait.
#include "augment/render_rows.h"

#include <algorithm>

#include "augment/blur.h"

namespace nearfar {
namespace {

/// Weights at the ends of the kernel below this one are cut off: all that is dropped stays below
/// float32's resolution.
constexpr float kNegligibleWeight = 1e-7f;

size_t rounded_up(int value, int step) {
  return static_cast<size_t>((value + step - 1) / step) * step;
}

void store_row(const Kernels& kernels, const PlanarRows& row, const OutputRow& output, float* out) {
  kernels.store_float(row, output, out);
}

void store_row(const Kernels& kernels, const PlanarRows& row, const OutputRow& output,
               Bfloat16* out) {
  kernels.store_bfloat16(row, output, out);
}

/// Crop, antialiased resize and flip. The filter never sees pixels outside the crop.
class Resampler {
 public:
  Resampler(const Kernels& kernels, const Image& image, const View& view,
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
    const int end = end_of_taps(top + kTileRows - 1);
    for (int y = end_of_taps(top - 1); y < end; ++y) {
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

/// A Gaussian blur that takes tiles from above and gives rows back as soon as all rows that they
/// are made of were taken.
class Blur {
 public:
  Blur(const Kernels& kernels, const View& view, Size size, int planes,
       RenderScratch::Buffers& buffers)
      : kernels_(kernels), size_(size), planes_(planes), buffers_(buffers) {
    if (view.blur_kernel == 0) return;
    buffers.blur_weights.resize(view.blur_kernel);
    gaussian_weights(view.blur_kernel, view.blur_sigma, buffers.blur_weights.data());
    weights_ = buffers.blur_weights.data();
    radius_ = view.blur_kernel / 2;
    for (; radius_ > 0 && *weights_ < kNegligibleWeight; --radius_) ++weights_;
    pitch_ = rounded_up(size.width + 2 * radius_, kRowBlock);
    window_rows_ = static_cast<uint32_t>(rounded_up(2 * radius_ + kTileRows, kTileRows));
    buffers.blur_rows.resize(kTileRows + 2 * radius_);
    padded_ = buffers.padded.room(kTileRows * row_floats() +
                                  rounded_up(2 * radius_ + 2 * kRowBlock, kRowBlock));
    window_ = buffers.window.room(window_rows_ * row_floats());
    blurred_ = buffers.blurred.room(kTileRows * row_floats());
  }

  int radius() const { return radius_; }

  /// Takes the rows from `top` on, a multiple of kTileRows, and blurs them along x.
  void take(int top, const PlanarRows& tile) {
    for (int y = 0; y < tile.rows; ++y) {
      for (int plane = 0; plane < planes_; ++plane) {
        reflect_ends(tile.values + (y * tile.planes + plane) * tile.pitch,
                     padded_ + y * row_floats() + plane * pitch_);
      }
    }
    kernels_.mix_columns(padded_, weights_, radius_, tile.rows * row_floats(), window_row(top));
  }

  /// Rows top .. top + count, blurred along x and y; at most kTileRows. Precondition: all rows up
  /// to top + count - 1 + radius were taken. They are made piece by piece, so that what neighbours
  /// have in common stays in the first cache.
  PlanarRows give(int top, int count) {
    std::vector<const float*>& rows = buffers_.blur_rows;
    for (int i = 0; i < count + 2 * radius_; ++i) {
      rows[i] = window_row(reflect(top + i - radius_, size_.height));
    }
    for (size_t begin = 0; begin < row_floats(); begin += kPiece) {
      const size_t end = std::min(begin + kPiece, row_floats());
      for (int y = 0; y < count; ++y) {
        kernels_.mix_rows(&rows[y], weights_, radius_, begin, end, blurred_ + y * row_floats());
      }
    }
    return {blurred_, count, planes_, pitch_};
  }

 private:
  static constexpr size_t kPiece = 256;

  size_t row_floats() const { return planes_ * pitch_; }
  float* window_row(int y) {
    return window_ + static_cast<uint32_t>(y) % window_rows_ * row_floats();
  }

  void reflect_ends(const float* row, float* padded) const {
    std::copy_n(row, size_.width, padded + radius_);
    for (int i = 1; i <= radius_; ++i) {
      padded[radius_ - i] = row[reflect(-i, size_.width)];
      padded[radius_ + size_.width - 1 + i] = row[reflect(size_.width - 1 + i, size_.width)];
    }
    std::fill(padded + 2 * radius_ + size_.width, padded + pitch_, 0.0f);
  }

  const Kernels& kernels_;
  const Size size_;
  const int planes_;
  RenderScratch::Buffers& buffers_;
  const float* weights_ = nullptr;
  int radius_ = 0;
  size_t pitch_ = 0;
  uint32_t window_rows_ = 0;
  float* padded_ = nullptr;
  float* window_ = nullptr;
  float* blurred_ = nullptr;
};

/// The whole path of one view.
template <typename Value>
class ViewPath {
 public:
  ViewPath(const Kernels& kernels, const Image& image, const View& view, const RenderTarget& target,
           RenderScratch::Buffers& buffers, Value* out)
      : kernels_(kernels),
        view_(view),
        size_(target.size),
        channels_(image.channels),
        pitch_(rounded_up(target.size.width, kRowBlock)),
        resampler_(kernels, image, view, target, buffers),
        blur_(kernels, view, size_, view.grayscale ? 1 : channels_, buffers),
        output_{size_.width, channels_, {}, {}, nullptr},
        out_(out) {
    for (int c = 0; c < channels_; ++c) {
      output_.mean[c] = target.normalize.mean[c];
      output_.scale[c] = 1.0f / target.normalize.std[c];
    }
    if (target.past_caches) output_.staging = buffers.staging.room(channels_ * pitch_);
    waits_ = next_contrast(0) < view.jitter_count;
    picture_ = buffers.picture.room((waits_ ? rounded_up(size_.height, kTileRows) : kTileRows) *
                                    channels_ * pitch_);
  }

  /// Every pass over the tiles but the first begins with a contrast, whose mean the one before
  /// took.
  void render() {
    int from = 0;
    int to = next_contrast(0);
    for (int top = 0; top < size_.height; top += kTileRows) {
      const PlanarRows tile = tile_at(top);
      resampler_.resample(top, tile.values, channels_ * pitch_);
      color_tile(top, tile, from, to);
    }
    while (to < view_.jitter_count) {
      mean_ = static_cast<float>(total_gray_ / (static_cast<double>(size_.height) * size_.width));
      total_gray_ = 0.0;
      from = to;
      to = next_contrast(from + 1);
      for (int top = 0; top < size_.height; top += kTileRows) {
        color_tile(top, tile_at(top), from, to);
      }
    }
    if (output_.staging != nullptr) kernels_.finish_streams();
  }

 private:
  PlanarRows tile_at(int top) const {
    return {picture_ + (waits_ ? top : 0) * channels_ * pitch_,
            std::min(kTileRows, size_.height - top), channels_, pitch_};
  }

  /// The first contrast among the jitter steps from `step` on, or their number.
  int next_contrast(int step) const {
    while (step < view_.jitter_count && view_.jitter[step].kind != Jitter::contrast) ++step;
    return step;
  }

  void color_tile(int top, const PlanarRows& tile, int from, int to) {
    for (int i = from; i < to; ++i) apply_jitter(view_.jitter[i], tile);
    if (to < view_.jitter_count) {
      total_gray_ += kernels_.sum_gray(tile, size_.width);
    } else {
      finish_tile(top, tile);
    }
  }

  /// Hue and saturation leave a picture of one channel as it is.
  void apply_jitter(const JitterStep& step, const PlanarRows& tile) {
    switch (step.kind) {
      case Jitter::brightness:
        return kernels_.adjust_brightness(tile, static_cast<float>(step.factor));
      case Jitter::contrast:
        return kernels_.adjust_contrast(tile, mean_, step.factor);
      case Jitter::saturation:
        if (channels_ == 3) kernels_.adjust_saturation(tile, step.factor);
        return;
      case Jitter::hue:
        if (channels_ == 3) kernels_.adjust_hue(tile, static_cast<float>(step.factor));
        return;
    }
  }

  /// Everything after the jitter; a blur holds rows back until those below them are there.
  void finish_tile(int top, const PlanarRows& tile) {
    if (view_.grayscale && channels_ == 3) kernels_.drop_color(tile);
    if (blur_.radius() == 0) return emit_rows(top, tile);
    blur_.take(top, tile);
    const int bottom = top + tile.rows;
    const int ready = bottom == size_.height ? bottom : bottom - blur_.radius();
    while (next_out_ < ready) {
      const int count = std::min(kTileRows, ready - next_out_);
      emit_rows(next_out_, blur_.give(next_out_, count));
      next_out_ += count;
    }
  }

  void emit_rows(int top, const PlanarRows& rows) {
    if (view_.solarize) kernels_.solarize(rows, static_cast<float>(view_.solarize_threshold));
    const int planes = view_.grayscale ? 1 : channels_;
    for (int y = 0; y < rows.rows; ++y) {
      float* values = rows.values + y * rows.planes * rows.pitch;
      store_row(kernels_, {values, 1, planes, rows.pitch}, output_,
                out_ + static_cast<size_t>(top + y) * size_.width * channels_);
    }
  }

  const Kernels& kernels_;
  const View& view_;
  const Size size_;
  const int channels_;
  const size_t pitch_;
  Resampler resampler_;
  Blur blur_;
  OutputRow output_;
  Value* out_;
  bool waits_ = false;
  float* picture_ = nullptr;
  double total_gray_ = 0.0;
  float mean_ = 0.0f;
  int next_out_ = 0;
};

}  // namespace

void render_rows(const Kernels& kernels, const Image& image, const View& view,
                 const RenderTarget& target, RenderScratch::Buffers& buffers, float* out) {
  ViewPath<float>(kernels, image, view, target, buffers, out).render();
}

void render_rows(const Kernels& kernels, const Image& image, const View& view,
                 const RenderTarget& target, RenderScratch::Buffers& buffers, Bfloat16* out) {
  ViewPath<Bfloat16>(kernels, image, view, target, buffers, out).render();
}

}  // namespace nearfar
