// Crop, resize and flip: each crop row is narrowed or widened first, then columns are combined.
#include <algorithm>

#include "augment/pixel.h"
#include "augment/render_stages.h"

namespace nearfar {
namespace {

void read_row(const uint8_t* levels, size_t count, float* values) {
  for (size_t i = 0; i < count; ++i) values[i] = unit_value(levels[i]);
}

template <int channels>
void resample_row(const float* row, const TapTable& columns, int width, float* out) {
  for (int x = 0; x < width; ++x) {
    const TapRange taps = columns.taps(x);
    const float* weights = columns.weights(x);
    const float* pixel = row + static_cast<size_t>(taps.first) * channels;
    float sum[channels] = {};
    for (int tap = 0; tap < taps.count; ++tap, pixel += channels) {
      for (int c = 0; c < channels; ++c) sum[c] += weights[tap] * pixel[c];
    }
    for (int c = 0; c < channels; ++c) *out++ = sum[c];
  }
}

/// out = the weighted sum of `taps.count` rows that follow each other.
void combine_rows(const float* rows, TapRange taps, const float* weights, size_t length,
                  float* out) {
  const float* row = rows + taps.first * length;
  for (size_t i = 0; i < length; ++i) out[i] = weights[0] * row[i];
  for (int tap = 1; tap < taps.count; ++tap) {
    row += length;
    for (size_t i = 0; i < length; ++i) out[i] += weights[tap] * row[i];
  }
}

}  // namespace

void TapTable::fill(Interpolation interpolation, int input_size, int output_size, bool mirrored) {
  row_ = most_taps(interpolation, input_size, output_size);
  if (taps_.size() < static_cast<size_t>(output_size)) taps_.resize(output_size);
  room(weights_, static_cast<size_t>(output_size) * row_);
  for (int index = 0; index < output_size; ++index) {
    const int place = mirrored ? output_size - 1 - index : index;
    float* weights = weights_.data() + static_cast<size_t>(place) * row_;
    TapRange taps = resample_taps(interpolation, input_size, output_size, index, weights);
    // Without a change of size all taps but one weigh nothing, and often the last one does.
    while (taps.count > 1 && weights[taps.count - 1] == 0.0f) --taps.count;
    taps_[place] = taps;
  }
}

void resample_crop(const Image& image, const Box& crop, bool flip, Interpolation interpolation,
                   RenderScratch::Buffers& buffers, const Picture& picture) {
  const int channels = picture.channels;
  buffers.columns.fill(interpolation, crop.width, picture.size.width, flip);
  buffers.rows.fill(interpolation, crop.height, picture.size.height, false);
  const size_t image_row = static_cast<size_t>(image.width) * channels;
  const uint8_t* corner = image.pixels + (crop.top - image.top) * image_row +
                          static_cast<size_t>(crop.left - image.left) * channels;
  const size_t crop_row = static_cast<size_t>(crop.width) * channels;
  float* source = room(buffers.source_row, crop_row);
  float* narrowed = room(buffers.narrowed, crop.height * picture.row());
  for (int y = 0; y < crop.height; ++y) {
    read_row(corner + y * image_row, crop_row, source);
    float* out = narrowed + y * picture.row();
    if (channels == 3) {
      resample_row<3>(source, buffers.columns, picture.size.width, out);
    } else {
      resample_row<1>(source, buffers.columns, picture.size.width, out);
    }
  }
  for (int y = 0; y < picture.size.height; ++y) {
    combine_rows(narrowed, buffers.rows.taps(y), buffers.rows.weights(y), picture.row(),
                 picture.values + y * picture.row());
  }
}

}  // namespace nearfar
