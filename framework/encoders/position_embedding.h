// Where a patch lies, as a vector that is added to it: fixed ones, and any on another grid.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace nearfar {

/// Patches of an image, row by row.
struct PatchGrid {
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t size() const { return rows * columns; }
  bool operator==(const PatchGrid&) const = default;
};

/// Embeddings [1, 1 + from.size(), width], the first of them the class token's, on another grid:
/// [1, 1 + to.size(), width]. The class token's stays. The others are resized as an image of
/// `width` channels with the bicubic kernel (a = -0.5), pixel centres at (i + 0.5), widened by the
/// ratio where the grid shrinks: timm's resample_abs_pos_embed (bicubic, antialias=True), to the
/// bit in float32. The same grid returns them as they are. Differentiable.
at::Tensor resample_positions(const at::Tensor& positions, const PatchGrid& from,
                              const PatchGrid& to);

/// Fixed embeddings [1, 1 + grid.size(), width] float32 of facebookresearch/moco-v3 (vits.py):
/// zeros for the class token; else four quarters sin(row w), cos(row w), sin(column w), cos(column
/// w) with w_i = 10000^(-i / (width / 4)). The published code calls the slow index of its grid w;
/// grids there are square, and here the slow index is the row. Precondition: 4 divides width.
at::Tensor sincos_positions(const PatchGrid& grid, int64_t width);

}  // namespace nearfar
