// What no renderer can undercut: the bytes that a view must move, and its arithmetic at full rate.
#pragma once

#include <cstdint>

#include "tools/bench/view_work.h"

namespace nearfar {

/// Processor seconds to copy each crop of the task's views into a row that stays in the cache, and
/// to fill each batch, with the C library's routines: the reads and writes of a renderer that does
/// nothing between.
double time_bytes(const PixelSet& pixels, const ViewTask& task);

/// Operations of one view where an addition, a product, a comparison and a fused product and sum
/// count one each. Separable filters in the cheaper order; taps of the blur whose weight is below
/// half a unit in the last place of float32 are left out. A division counts one. An estimate: it
/// says what the definition asks for, not what a program spends on addressing and conversions.
int64_t operations(const View& view, const RenderTarget& target);

/// Fused products and sums in a second of processor time, float32, independent chains in registers:
/// the arithmetic limit of one core. Computes for about `seconds`.
double multiply_add_rate(double seconds);

/// The same on `threads` threads in a second on the clock, whoever else uses the cores.
double multiply_add_rate(int threads, double seconds);

}  // namespace nearfar
