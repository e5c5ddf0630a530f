// MoCo's losses by attention over the negatives.
#include "framework/losses/moco.h"

#include <torch/types.h>

#include <cmath>

#include "framework/losses/contrast.h"
#include "framework/losses/known_gradient.h"
#include "framework/losses/pairs.h"
#include "framework/losses/row_tiles.h"
#include "framework/losses/unit_rows.h"

// Shapes: n rows of this rank, N rows of all ranks, D dimensions, K negatives.

namespace nearfar {
namespace {

constexpr const char* kName = "moco_loss";
constexpr const char* kNameV3 = "moco_v3_loss";

void check_negatives(const Pairs& pairs, const Negatives& negatives, const at::Tensor& index) {
  const at::Tensor& rows = negatives.rows;
  TORCH_CHECK(rows.dim() == 2 && rows.size(1) == pairs.first.size(1) && rows.is_floating_point(),
              kName, ": expected negatives of shape [K, ", pairs.first.size(1),
              "] and a floating type, got ", rows.sizes(), " of ", rows.scalar_type());
  const auto is_index = [](const at::Tensor& numbers, int64_t count) {
    return !numbers.defined() ||
           (numbers.dim() == 1 && numbers.size(0) == count && numbers.scalar_type() == at::kLong);
  };
  TORCH_CHECK(is_index(negatives.index, rows.size(0)) && is_index(index, pairs.count()), kName,
              ": expected int64 indices of ", rows.size(0), " negatives and ", pairs.count(),
              " queries");
}

ValueAndGradients compute(Group& group, const Pairs& pairs, const Negatives& negatives,
                          const at::Tensor& index) {
  const UnitRows query_nD(pairs.first), key_nD(pairs.second);
  const RowMatrix matrix{query_nD.unit, negatives.rows.detach(), pairs.scale, index,
                         negatives.index};
  const Attention attention =
      negatives.sharded ? attend_over_ranks(group, pairs, matrix) : attend(matrix);
  const Contrast contrast(query_nD.unit, key_nD.unit, attention, pairs.scale);
  const double weight = share_of_row(group, pairs.total);
  return {contrast.loss_n.sum().mul_(weight).to(query_nD.unit.scalar_type()),
          {query_nD.through(contrast.gradient_nD.mul(weight))}};
}

/// Both directions of MoCo v3. A query's own key is left out of its negatives.
ValueAndGradients compute_v3(Group& group, const Pairs& queries, const Pairs& keys,
                             double temperature) {
  const std::vector<UnitRows> query{UnitRows(queries.first), UnitRows(queries.second)};
  const UnitRows key_n2D(at::stack({keys.second, keys.first}, 1));  // key v is query v's
  const at::Tensor keys_N2D = group.all_gather(key_n2D.unit, keys.rows);
  const at::Tensor number_N =
      at::arange(keys.total, key_n2D.unit.options().dtype(at::kLong).requires_grad(false));
  const double weight =
      2.0 * temperature * static_cast<double>(group.size()) / static_cast<double>(keys.total);
  ValueAndGradients result{at::zeros({}, key_n2D.unit.options().dtype(at::kDouble)), {}};
  for (int64_t v = 0; v < 2; ++v) {
    const at::Tensor& query_nD = query[v].unit;
    const Attention attention = attend({query_nD, keys_N2D.select(1, v), keys.scale,
                                        number_N.narrow(0, keys.begin, keys.count()), number_N});
    const Contrast contrast(query_nD, key_n2D.unit.select(1, v), attention, keys.scale);
    result.value += contrast.loss_n.sum().mul_(weight);
    result.gradients.push_back(query[v].through(contrast.gradient_nD.mul(weight)));
  }
  result.value = result.value.to(key_n2D.unit.scalar_type());
  return result;
}

}  // namespace

at::Tensor moco_loss(Group& group, const at::Tensor& query, const at::Tensor& key,
                     const Negatives& negatives, double temperature, const Shard& own,
                     const at::Tensor& index) {
  const Pairs pairs =
      make_pairs(kName, group, query, key, temperature, rows_of_shards(kName, group, own));
  check_negatives(pairs, negatives, index);
  return with_known_gradient(kName, Factor::any, {pairs.first},
                             [&](bool) { return compute(group, pairs, negatives, index); });
}

double moco_random_guess(int64_t negatives) { return std::log1p(static_cast<double>(negatives)); }

at::Tensor moco_v3_loss(Group& group, const at::Tensor& q1, const at::Tensor& q2,
                        const at::Tensor& k1, const at::Tensor& k2, double temperature,
                        const Shard& own) {
  const std::vector<int64_t> rows = rows_of_shards(kNameV3, group, own);
  const Pairs queries = make_pairs(kNameV3, group, q1, q2, temperature, rows);
  const Pairs keys = make_pairs(kNameV3, group, k1, k2, temperature, rows);
  TORCH_CHECK(queries.first.sizes() == keys.first.sizes() &&
                  queries.first.scalar_type() == keys.first.scalar_type(),
              kNameV3, ": expected queries and keys of one shape and type, got ",
              queries.first.sizes(), " and ", keys.first.sizes());
  return with_known_gradient(kNameV3, Factor::any, {queries.first, queries.second},
                             [&](bool) { return compute_v3(group, queries, keys, temperature); });
}

double moco_v3_random_guess(int64_t global_batch, double temperature) {
  return 4.0 * temperature * std::log(static_cast<double>(global_batch));
}

}  // namespace nearfar
