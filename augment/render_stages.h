// The stages of the CPU renderer and the buffers they share.
#pragma once

#include <vector>

#include "augment/image.h"
#include "augment/render.h"
#include "augment/resample.h"
#include "augment/view.h"

namespace nearfar {

/// Taps and weights of every output pixel along one axis.
class TapTable {
 public:
  /// Computes the table; `mirrored` runs the output pixels backwards, which is a flip.
  void fill(Interpolation interpolation, int input_size, int output_size, bool mirrored);
  TapRange taps(int index) const { return taps_[index]; }
  const float* weights(int index) const {
    return weights_.data() + static_cast<size_t>(index) * row_;
  }

 private:
  std::vector<TapRange> taps_;
  std::vector<float> weights_;
  int row_ = 0;
};

struct RenderScratch::Buffers {
  TapTable columns;
  TapTable rows;
  std::vector<float> source_row;  // [crop width, channels] one row of the crop in [0, 1]
  std::vector<float> narrowed;    // [crop height, width, channels] resampled along rows only
  std::vector<float> weights;     // [kernel] of the blur
  std::vector<float> padded_row;  // [width + kernel - 1, channels] one reflected row
  std::vector<float> blurred;     // [height, width, channels] blurred along rows only
};

/// Memory for `count` floats that never shrinks, so that it is allocated once.
inline float* room(std::vector<float>& buffer, size_t count) {
  if (buffer.size() < count) buffer.resize(count);
  return buffer.data();
}

/// A rendered picture [height, width, channels] that the later stages change in place.
struct Picture {
  float* values;
  Size size;
  int channels;
  size_t row() const { return static_cast<size_t>(size.width) * channels; }
  size_t pixels() const { return static_cast<size_t>(size.height) * size.width; }
};

/// Crop, antialiased resize and flip into `picture`. The filter never sees pixels outside the crop.
void resample_crop(const Image& image, const Box& crop, bool flip, Interpolation interpolation,
                   RenderScratch::Buffers& buffers, const Picture& picture);

/// One colour operation. Hue and saturation leave a picture of one channel as it is.
void apply_jitter(const JitterStep& step, const Picture& picture);

/// Sets all channels to the gray level.
void drop_color(const Picture& picture);

/// Gaussian blur of `kernel` taps with reflected borders.
void blur(int kernel, double sigma, RenderScratch::Buffers& buffers, const Picture& picture);

/// Inverts the values from the threshold on.
void apply_solarize(double threshold, const Picture& picture);

/// (x - mean) / std per channel.
void apply_normalize(const Normalize& normalize, const Picture& picture);

}  // namespace nearfar
