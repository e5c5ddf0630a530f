// The loops of one instruction set; each file of this folder is compiled once for every set.
#pragma once

#include "augment/kernels.h"

namespace nearfar::NEARFAR_KERNELS {

void mix_levels(const uint8_t* levels, size_t pitch, const float* weights, int taps, size_t count,
                float* out);
void resample_columns(const float* rows, size_t pitch, const ColumnTaps& columns, float* out,
                      size_t out_pitch);
double sum_gray_rows(const PlanarRows& rows, size_t width);
void adjust_brightness_rows(const PlanarRows& rows, float factor);
void adjust_contrast_rows(const PlanarRows& rows, float mean, double ratio);
void adjust_saturation_rows(const PlanarRows& rows, double ratio);
void adjust_hue_rows(const PlanarRows& rows, float turns);
void drop_color_rows(const PlanarRows& rows);
void solarize_rows(const PlanarRows& rows, float threshold);
void mix_columns(const float* values, const float* weights, int radius, size_t count, float* out);
void mix_rows(const float* const* rows, const float* weights, int radius, size_t begin, size_t end,
              float* out);
void store_float(const PlanarRows& rows, const OutputRow& output, float* out);
void store_bfloat16(const PlanarRows& rows, const OutputRow& output, Bfloat16* out);
/// Copies finished values past the caches; kFinishStreams makes them visible to other threads.
void stream_bytes(const void* from, size_t count, void* to);
extern void (*const kFinishStreams)();

extern const Kernels kKernels;

}  // namespace nearfar::NEARFAR_KERNELS
