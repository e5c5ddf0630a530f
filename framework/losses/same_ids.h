// Which entries of a matrix of similarities compare an image with itself.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace nearfar {

/// The entries whose row and column have the same id. On the CPU they are found once, in a pass
/// over both; on other devices, where the host must not wait, tile by tile.
class SameIds {
 public:
  /// [A] and [K] int64, negative ones are like no other; undefined: there are no such entries.
  SameIds(const at::Tensor& row_id, const at::Tensor& column_id);
  /// -infinity where ids are the same, in the tile that begins at `row` and `column`.
  void leave_out(const at::Tensor& tile, int64_t row, int64_t column) const;

 private:
  struct Entry {
    int64_t column, row;
  };
  at::Tensor row_id_, column_id_;  // undefined: the entries are known
  std::vector<Entry> entries_;     // by column
};

}  // namespace nearfar
