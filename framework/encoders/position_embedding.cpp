// Position embeddings of patches.
#include "framework/encoders/position_embedding.h"

#include <torch/types.h>

#include <cmath>

namespace nearfar {

at::Tensor resample_positions(const at::Tensor& positions, const PatchGrid& from,
                              const PatchGrid& to) {
  TORCH_CHECK(positions.dim() == 3 && positions.size(1) == 1 + from.size(),
              "resample_positions: expected 1 + ", from.rows, " x ", from.columns,
              " positions, got shape ", positions.sizes());
  if (from == to) return positions;
  const int64_t width = positions.size(2);
  const at::Tensor patches =
      positions.slice(1, 1).reshape({1, from.rows, from.columns, width}).permute({0, 3, 1, 2});
  const at::Tensor resized =
      at::_upsample_bicubic2d_aa(patches, {to.rows, to.columns}, /*align_corners=*/false);
  return at::cat(
      {positions.slice(1, 0, 1), resized.permute({0, 2, 3, 1}).reshape({1, to.size(), width})}, 1);
}

at::Tensor sincos_positions(const PatchGrid& grid, int64_t width) {
  TORCH_CHECK(width % 4 == 0, "sincos_positions: expected a width of four quarters, got ", width);
  const int64_t quarter = width / 4;
  const at::Tensor values = at::zeros({1, 1 + grid.size(), width}, at::kFloat);
  float* row_of_table = values.data_ptr<float>() + width;
  for (int64_t patch = 0; patch < grid.size(); ++patch, row_of_table += width) {
    for (int64_t i = 0; i < quarter; ++i) {
      const double frequency = std::pow(10000.0, -static_cast<double>(i) / quarter);
      const double row = static_cast<double>(patch / grid.columns) * frequency;
      const double column = static_cast<double>(patch % grid.columns) * frequency;
      row_of_table[i] = static_cast<float>(std::sin(row));
      row_of_table[quarter + i] = static_cast<float>(std::cos(row));
      row_of_table[2 * quarter + i] = static_cast<float>(std::sin(column));
      row_of_table[3 * quarter + i] = static_cast<float>(std::cos(column));
    }
  }
  return values;
}

}  // namespace nearfar
