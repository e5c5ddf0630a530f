// Entries with equal ids: a list, or a comparison of each tile.
#include "framework/losses/same_ids.h"

#include <torch/types.h>

#include <algorithm>
#include <bitset>
#include <limits>
#include <unordered_map>

namespace nearfar {
namespace {

constexpr double kLeftOut = -std::numeric_limits<double>::infinity();

}  // namespace

SameIds::SameIds(const at::Tensor& row_id, const at::Tensor& column_id) {
  if (!row_id.defined() || !column_id.defined()) return;
  if (!row_id.is_cpu()) {
    row_id_ = row_id.unsqueeze(1);
    column_id_ = column_id;
    return;
  }
  constexpr size_t kBits = size_t{1} << 16;
  std::bitset<kBits> seen;  // most columns are told apart by this alone
  std::unordered_multimap<int64_t, int64_t> rows;
  const at::Tensor row_ids = row_id.contiguous(), column_ids = column_id.contiguous();
  const int64_t* id = row_ids.const_data_ptr<int64_t>();
  for (int64_t row = 0; row < row_ids.numel(); ++row) {
    if (id[row] < 0) continue;
    rows.emplace(id[row], row);
    seen.set(static_cast<size_t>(id[row]) % kBits);
  }
  id = column_ids.const_data_ptr<int64_t>();
  for (int64_t column = 0; column < column_ids.numel(); ++column) {
    if (id[column] < 0 || !seen.test(static_cast<size_t>(id[column]) % kBits)) continue;
    const auto [first, last] = rows.equal_range(id[column]);
    for (auto row = first; row != last; ++row) entries_.push_back({column, row->second});
  }
}

void SameIds::leave_out(const at::Tensor& tile, int64_t row, int64_t column) const {
  if (row_id_.defined()) {
    const at::Tensor rows = row_id_.narrow(0, row, tile.size(0));
    const at::Tensor same = rows.eq(column_id_.narrow(0, column, tile.size(1)));
    tile.masked_fill_(same.logical_and_(rows >= 0), kLeftOut);
    return;
  }
  auto entry =
      std::lower_bound(entries_.begin(), entries_.end(), column,
                       [](const Entry& entry, int64_t begin) { return entry.column < begin; });
  for (; entry != entries_.end() && entry->column < column + tile.size(1); ++entry) {
    if (entry->row < row || entry->row >= row + tile.size(0)) continue;
    const int64_t offset = (entry->row - row) * tile.stride(0) + entry->column - column;
    if (tile.scalar_type() == at::kFloat) {
      tile.mutable_data_ptr<float>()[offset] = static_cast<float>(kLeftOut);
    } else {
      tile.mutable_data_ptr<double>()[offset] = kLeftOut;
    }
  }
}

}  // namespace nearfar
