// The loops of one instruction set; each file of this folder is compiled once for every set.
#pragma once

#include "augment/kernels.h"

namespace nearfar::NEARFAR_KERNELS {

void mix_levels(const uint8_t* levels, size_t pitch, const float* weights, int taps, size_t count,
                float* out);
void resample_columns(const float* const* rows, const ColumnTaps& columns, float* const* out);
float sum_gray(const PlanarRow& row, int planes, size_t count);
void adjust_brightness_row(float* values, size_t count, float factor);
void adjust_contrast_row(float* values, size_t count, float mean, double ratio);
void adjust_saturation_row(const PlanarRow& row, size_t count, double ratio);
void adjust_hue_row(const PlanarRow& row, size_t count, float turns);
void drop_color_row(const PlanarRow& row, size_t count);
void solarize_row(float* values, size_t count, float threshold);
void mix_rows(const float* const* rows, const float* weights, int radius, size_t count, float* out);
void store_float(const PlanarRow& row, const OutputRow& output, float* out);
void store_bfloat16(const PlanarRow& row, const OutputRow& output, Bfloat16* out);

extern const Kernels kKernels;

}  // namespace nearfar::NEARFAR_KERNELS
