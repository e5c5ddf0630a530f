// The inner loops of the CPU renderer as a table of functions, one table for each instruction set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "augment/bfloat16.h"

namespace nearfar {

/// Rows of pixels are planar between the stages: `planes` (1 or 3) times `pitch` floats, the pitch
/// being the width rounded up to whole blocks of this many floats, so that no loop has a remainder.
/// What lies beyond the width is finite and otherwise meaningless once colours have changed.
inline constexpr int kRowBlock = 16;

/// The smallest multiple of `step` that is not below `value`.
inline size_t rounded_up(int value, int step) {
  return static_cast<size_t>((value + step - 1) / step) * step;
}

/// Rows that are resampled together, so that weights are read once for all of them.
inline constexpr int kTileRows = 4;

/// Floats behind the end of an interleaved row that resample_columns may read but does not use.
inline constexpr int kRowSlack = 2 * kRowBlock;

/// Value i of an interleaved output row of `count` floats is the sum over t < taps of
/// weights[t * count + i] * row[place[i] + t * channels]. Values behind the width weigh nothing.
struct ColumnTaps {
  int channels;
  int taps;
  size_t count;  // channels * pitch
  const int* place;
  const float* weights;
  const int* lowest;  // of the places in each block of kRowBlock values
  bool narrow;        // in all blocks they lie within 2 * kRowBlock
};

/// Rows that follow each other: plane p of row y begins at values + (y * planes + p) * pitch.
/// Planes are red, green and blue, or gray alone.
struct PlanarRows {
  float* values;
  int rows;
  int planes;
  size_t pitch;

  size_t count() const { return static_cast<size_t>(rows) * planes * pitch; }
};

/// What the last stage does to a row: (value - mean) * scale, planes interleaved.
struct OutputRow {
  int width;
  int channels;  // more than the planes of the row: the first one is repeated
  float mean[3];
  float scale[3];
  void* staging;  // room for the row, to be written past the caches from there; null: through them
};

/// All tables compute the same bits: no sum is reordered and nothing is contracted to fused
/// multiply-adds. `count` is in floats and a multiple of kRowBlock but where it says otherwise.
struct Kernels {
  const char* name;

  /// out[i] = sum over t of weights[t] * levels[t * pitch + i] for i < count (any count). The
  /// weights include the factor 1/255; a single tap is level / 255 exactly.
  void (*mix_levels)(const uint8_t* levels, size_t pitch, const float* weights, int taps,
                     size_t count, float* out);
  /// Resamples kTileRows interleaved rows along x into planar rows, which begin `out_pitch` apart.
  void (*resample_columns)(const float* rows, size_t pitch, const ColumnTaps& columns, float* out,
                           size_t out_pitch);
  /// The sum of the gray levels of `width` pixels of each row.
  double (*sum_gray)(const PlanarRows& rows, size_t width);

  void (*adjust_brightness)(const PlanarRows& rows, float factor);
  void (*adjust_contrast)(const PlanarRows& rows, float mean, double ratio);
  void (*adjust_saturation)(const PlanarRows& rows, double ratio);
  void (*adjust_hue)(const PlanarRows& rows, float turns);
  /// Leaves the gray level in the first plane.
  void (*drop_color)(const PlanarRows& rows);
  void (*solarize)(const PlanarRows& rows, float threshold);

  /// One direction of a blur: out[i] = weights[radius] * values[i + radius] + sum over k < radius
  /// of weights[k] * (values[i + k] + values[i + 2 * radius - k]). `values` begins a cache line,
  /// and what lies up to 2 * kRowBlock behind its last value may be read but is not used.
  void (*mix_columns)(const float* values, const float* weights, int radius, size_t count,
                      float* out);
  /// The other direction: the same with rows[k][i] in place of values[i + k], for begin <= i < end.
  void (*mix_rows)(const float* const* rows, const float* weights, int radius, size_t begin,
                   size_t end, float* out);

  /// The first of `rows`, `planes` of which are looked at.
  void (*store_float)(const PlanarRows& rows, const OutputRow& output, float* out);
  void (*store_bfloat16)(const PlanarRows& rows, const OutputRow& output, Bfloat16* out);
  /// Makes rows that were written past the caches visible to other threads; null where nothing is
  /// worth writing past them.
  void (*finish_streams)();
};

/// The tables that this processor can run, from the most portable to the fastest.
const std::vector<const Kernels*>& available_kernels();

/// The last of them.
inline const Kernels& fastest_kernels() { return *available_kernels().back(); }

}  // namespace nearfar
