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

/// The planes of one row; green and blue are unused where there is one plane.
struct PlanarRow {
  float* red;
  float* green;
  float* blue;
};

/// What the last stage does to a row: (value - mean) * scale, planes interleaved.
struct OutputRow {
  int width;
  int planes;    // of the input
  int channels;  // of the output: one plane is repeated
  float mean[3];
  float scale[3];
};

/// All tables compute the same bits: no sum is reordered and nothing is contracted to fused
/// multiply-adds. `count` is in floats and a multiple of kRowBlock but where it says otherwise.
struct Kernels {
  const char* name;

  /// out[i] = sum over t of weights[t] * levels[t * pitch + i] for i < count (any count). The
  /// weights include the factor 1/255; a single tap is level / 255 exactly.
  void (*mix_levels)(const uint8_t* levels, size_t pitch, const float* weights, int taps,
                     size_t count, float* out);
  /// Resamples kTileRows interleaved rows along x into planar rows.
  void (*resample_columns)(const float* const* rows, const ColumnTaps& columns, float* const* out);
  /// The sum of gray levels of a row of 1 or 3 planes (any count).
  float (*sum_gray)(const PlanarRow& row, int planes, size_t count);

  void (*adjust_brightness)(float* values, size_t count, float factor);
  void (*adjust_contrast)(float* values, size_t count, float mean, double ratio);
  void (*adjust_saturation)(const PlanarRow& row, size_t count, double ratio);
  void (*adjust_hue)(const PlanarRow& row, size_t count, float turns);
  /// Leaves the gray level in the red plane.
  void (*drop_color)(const PlanarRow& row, size_t count);
  void (*solarize)(float* values, size_t count, float threshold);

  /// out[i] = weights[radius] * rows[radius][i] + sum over k < radius of weights[k] *
  /// (rows[k][i] + rows[2 * radius - k][i]): one direction of a blur.
  void (*mix_rows)(const float* const* rows, const float* weights, int radius, size_t count,
                   float* out);

  void (*store_float)(const PlanarRow& row, const OutputRow& output, float* out);
  void (*store_bfloat16)(const PlanarRow& row, const OutputRow& output, Bfloat16* out);
};

/// The tables that this processor can run, from the most portable to the fastest.
const std::vector<const Kernels*>& available_kernels();

/// The last of them.
inline const Kernels& fastest_kernels() { return *available_kernels().back(); }

}  // namespace nearfar
