// Checks and conversions of pairs.
#include "framework/losses/pairs.h"

#include <torch/types.h>

#include <numeric>

#include "framework/widened.h"

namespace nearfar {

Pairs make_pairs(const char* name, const Group& group, const at::Tensor& first,
                 const at::Tensor& second, double temperature, const std::vector<int64_t>& rows) {
  TORCH_CHECK(temperature > 0.0, name, ": expected a temperature above 0, got ", temperature);
  TORCH_CHECK(first.dim() == 2 && first.sizes() == second.sizes(), name,
              ": expected both embeddings of one shape [n, d], got ", first.sizes(), " and ",
              second.sizes());
  const at::ScalarType type = first.scalar_type();
  TORCH_CHECK((type == at::kFloat || type == at::kDouble || type == at::kBFloat16) &&
                  second.scalar_type() == type,
              name, ": expected float32, float64 or bfloat16 in both embeddings, got ", type,
              " and ", second.scalar_type());
  const auto rank = static_cast<size_t>(group.rank());
  TORCH_CHECK(rows.size() == static_cast<size_t>(group.size()) && rows[rank] == first.size(0), name,
              ": rank ", rank, " of ", group.size(),
              ": expected as many rows as announced for this rank, ", rows, ", got ",
              first.size(0));
  const auto begin = rows.begin();
  return {.first = widened(first),
          .second = widened(second),
          .rows = rows,
          .begin = std::accumulate(begin, begin + group.rank(), int64_t{0}),
          .total = std::accumulate(begin, rows.end(), int64_t{0}),
          .scale = 1.0 / temperature};
}

std::vector<int64_t> rows_of_shards(const char* name, const Group& group, const Shard& own) {
  TORCH_CHECK(own == shard(own.total, group.size(), group.rank()), name, ": rank ", group.rank(),
              " of ", group.size(), ": expected this rank's shard of ", own.total, ", got [",
              own.begin, ", ", own.end, ")");
  return rows_by_rank(own.total, group.size());
}

double share_of_row(const Group& group, int64_t total) {
  return static_cast<double>(group.size()) / static_cast<double>(total);
}

at::Tensor sample_weights(const char* name, const Group& group, const Pairs& pairs,
                          const at::Tensor& weight) {
  const at::Tensor equal = at::full({pairs.count()}, share_of_row(group, pairs.total),
                                    pairs.first.options().dtype(at::kDouble).requires_grad(false));
  if (!weight.defined()) return equal;
  TORCH_CHECK(weight.dim() == 0 || (weight.dim() == 1 && weight.size(0) == pairs.count()), name,
              ": expected a weight, or one for each of the ", pairs.count(), " samples, got ",
              weight.sizes());
  return equal.mul_(weight.detach().to(equal.options()));
}

std::vector<Piece> pieces_of_others(const Pairs& pairs) {
  const int64_t end = pairs.begin + pairs.count();
  std::vector<Piece> pieces;
  for (const Piece& piece : {Piece{0, pairs.begin}, Piece{end, pairs.total - end}}) {
    // A sum over nothing would be an infinite logarithm, for a replay to stumble over.
    if (piece.count > 0) pieces.push_back(piece);
  }
  return pieces;
}

}  // namespace nearfar
