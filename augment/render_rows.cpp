// One view, row by row: a tile of rows is resampled, coloured, blurred and stored while it is in
// cache. Only contrast, which needs the mean of the whole picture, makes rows wait.
#include "augment/render_rows.h"

#include <algorithm>

#include "augment/blur.h"

namespace nearfar {
namespace {

/// Weights at the ends of the kernel below this one are cut off: all that is dropped stays below
/// float32's resolution.
constexpr float kNegligibleWeight = 1e-9f;

int rounded_up(int value, int step) { return (value + step - 1) / step * step; }

void store_row(const Kernels& kernels, const PlanarRow& row, const OutputRow& output, float* out) {
  kernels.store_float(row, output, out);
}

void store_row(const Kernels& kernels, const PlanarRow& row, const OutputRow& output,
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
    mixed_pitch_ = static_cast<size_t>(crop_.width) * image.channels + kRowSlack;
    mixed_ = buffers.mixed.room(kTileRows * mixed_pitch_);
  }

  /// Planar rows top.. into rows[0 .. kTileRows); those below the picture repeat the last one.
  void resample(int top, float* const* rows) {
    const size_t image_pitch = static_cast<size_t>(image_.width) * image_.channels;
    const uint8_t* corner = image_.pixels + (crop_.top - image_.top) * image_pitch +
                            static_cast<size_t>(crop_.left - image_.left) * image_.channels;
    const float* mixed[kTileRows];
    for (int i = 0; i < kTileRows; ++i) {
      const int y = std::min(top + i, size_.height - 1);
      const TapRange taps = buffers_.row_taps.taps(y);
      mixed[i] = mixed_ + i * mixed_pitch_;
      kernels_.mix_levels(
          corner + taps.first * image_pitch, image_pitch, buffers_.row_taps.weights(y), taps.count,
          static_cast<size_t>(crop_.width) * image_.channels, mixed_ + i * mixed_pitch_);
    }
    kernels_.resample_columns(mixed, buffers_.column_taps.taps(), rows);
  }

 private:
  const Kernels& kernels_;
  const Box crop_;
  const Image& image_;
  const Size size_;
  RenderScratch::Buffers& buffers_;
  size_t mixed_pitch_ = 0;
  float* mixed_ = nullptr;
};

/// A Gaussian blur that takes rows from above and gives them back `radius` rows later.
class Blur {
 public:
  Blur(const Kernels& kernels, const View& view, Size size, int planes, int pitch,
       RenderScratch::Buffers& buffers)
      : kernels_(kernels), size_(size), planes_(planes), pitch_(pitch), buffers_(buffers) {
    if (view.blur_kernel == 0) return;
    buffers.blur_weights.resize(view.blur_kernel);
    gaussian_weights(view.blur_kernel, view.blur_sigma, buffers.blur_weights.data());
    weights_ = buffers.blur_weights.data();
    radius_ = view.blur_kernel / 2;
    for (; radius_ > 0 && *weights_ < kNegligibleWeight; --radius_) ++weights_;
    buffers.blur_rows.resize(2 * radius_ + 1);
    padded_ = buffers.padded.room(pitch + 2 * radius_);
    window_ = buffers.window.room((2 * radius_ + 1) * row_floats());
    blurred_ = buffers.blurred.room(row_floats());
  }

  int radius() const { return radius_; }

  /// Takes row y, blurred along x.
  void take(int y, const float* row) {
    for (int plane = 0; plane < planes_; ++plane) {
      reflect_ends(row + static_cast<size_t>(plane) * pitch_);
      for (int k = 0; k <= 2 * radius_; ++k) buffers_.blur_rows[k] = padded_ + k;
      kernels_.mix_rows(buffers_.blur_rows.data(), weights_, radius_, pitch_,
                        window_row(y) + static_cast<size_t>(plane) * pitch_);
    }
  }

  /// Row y, blurred along x and y. Precondition: all rows up to y + radius were taken.
  float* give(int y) {
    for (int k = 0; k <= 2 * radius_; ++k) {
      buffers_.blur_rows[k] = window_row(reflect(y + k - radius_, size_.height));
    }
    kernels_.mix_rows(buffers_.blur_rows.data(), weights_, radius_, row_floats(), blurred_);
    return blurred_;
  }

 private:
  size_t row_floats() const { return static_cast<size_t>(planes_) * pitch_; }
  float* window_row(int y) { return window_ + (y % (2 * radius_ + 1)) * row_floats(); }

  void reflect_ends(const float* row) {
    std::copy_n(row, size_.width, padded_ + radius_);
    std::fill_n(padded_ + radius_ + size_.width, pitch_ - size_.width + radius_, 0.0f);
    for (int i = 1; i <= radius_; ++i) {
      padded_[radius_ - i] = row[reflect(-i, size_.width)];
      padded_[radius_ + size_.width - 1 + i] = row[reflect(size_.width - 1 + i, size_.width)];
    }
  }

  const Kernels& kernels_;
  const Size size_;
  const int planes_;
  const int pitch_;
  RenderScratch::Buffers& buffers_;
  const float* weights_ = nullptr;
  int radius_ = 0;
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
        output_{size_.width, view.grayscale ? 1 : channels_, channels_, {}, {}},
        blur_(kernels, view, size_, output_.planes, pitch_, buffers),
        out_(out) {
    for (int c = 0; c < channels_; ++c) {
      output_.mean[c] = target.normalize.mean[c];
      output_.scale[c] = 1.0f / target.normalize.std[c];
    }
    waits_ = next_contrast(0) < view.jitter_count;
    picture_ = buffers.picture.room((waits_ ? rounded_up(size_.height, kTileRows) : kTileRows) *
                                    row_floats());
  }

  /// Every pass over the rows but the first begins with a contrast, whose mean the one before took.
  void render() {
    int from = 0;
    int to = next_contrast(0);
    for (int top = 0; top < size_.height; top += kTileRows) {
      float* rows[kTileRows];
      for (int i = 0; i < kTileRows; ++i) rows[i] = row_at(top + i);
      resampler_.resample(top, rows);
      for (int y = top; y < std::min(top + kTileRows, size_.height); ++y) color_row(y, from, to);
    }
    while (to < view_.jitter_count) {
      mean_ = static_cast<float>(total_gray_ / (static_cast<double>(size_.height) * size_.width));
      total_gray_ = 0.0;
      from = to;
      to = next_contrast(from + 1);
      for (int y = 0; y < size_.height; ++y) color_row(y, from, to);
    }
  }

 private:
  size_t row_floats() const { return static_cast<size_t>(channels_) * pitch_; }
  float* row_at(int y) { return picture_ + (waits_ ? y : y % kTileRows) * row_floats(); }
  PlanarRow planes_of(float* row) const { return {row, row + pitch_, row + 2 * pitch_}; }

  /// The first contrast among the jitter steps from `step` on, or their number.
  int next_contrast(int step) const {
    while (step < view_.jitter_count && view_.jitter[step].kind != Jitter::contrast) ++step;
    return step;
  }

  void color_row(int y, int from, int to) {
    float* row = row_at(y);
    for (int i = from; i < to; ++i) apply_jitter(view_.jitter[i], row);
    if (to < view_.jitter_count) {
      total_gray_ += kernels_.sum_gray(planes_of(row), channels_, size_.width);
    } else {
      finish_row(y, row);
    }
  }

  /// Hue and saturation leave a picture of one channel as it is.
  void apply_jitter(const JitterStep& step, float* row) {
    const auto factor = static_cast<float>(step.factor);
    switch (step.kind) {
      case Jitter::brightness:
        return kernels_.adjust_brightness(row, row_floats(), factor);
      case Jitter::contrast:
        return kernels_.adjust_contrast(row, row_floats(), mean_, step.factor);
      case Jitter::saturation:
        if (channels_ == 3) kernels_.adjust_saturation(planes_of(row), pitch_, step.factor);
        return;
      case Jitter::hue:
        if (channels_ == 3) kernels_.adjust_hue(planes_of(row), pitch_, factor);
        return;
    }
  }

  /// Everything after the jitter; a blur holds rows back until those below them are there.
  void finish_row(int y, float* row) {
    if (view_.grayscale && channels_ == 3) kernels_.drop_color(planes_of(row), pitch_);
    if (blur_.radius() == 0) return emit_row(y, row);
    blur_.take(y, row);
    const int last = y == size_.height - 1 ? y : y - blur_.radius();
    for (; next_out_ <= last; ++next_out_) emit_row(next_out_, blur_.give(next_out_));
  }

  void emit_row(int y, float* row) {
    if (view_.solarize) {
      kernels_.solarize(row, static_cast<size_t>(output_.planes) * pitch_,
                        static_cast<float>(view_.solarize_threshold));
    }
    store_row(kernels_, planes_of(row), output_,
              out_ + static_cast<size_t>(y) * size_.width * channels_);
  }

  const Kernels& kernels_;
  const View& view_;
  const Size size_;
  const int channels_;
  const int pitch_;
  Resampler resampler_;
  OutputRow output_;
  Blur blur_;
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
