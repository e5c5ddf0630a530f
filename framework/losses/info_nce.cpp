// InfoNCE between two batches: log-sum-exps of rows and of columns of one matrix of similarities.
#include "framework/losses/info_nce.h"

#include <torch/types.h>

#include <cmath>

#include "framework/losses/known_gradient.h"
#include "framework/losses/margin.h"
#include "framework/losses/pair_tiles.h"
#include "framework/losses/pairs.h"
#include "framework/losses/row_tiles.h"
#include "framework/losses/unit_rows.h"

// Shapes: n rows of this rank, N rows of all ranks, D dimensions.

namespace nearfar {
namespace {

constexpr const char* kName = "info_nce";

/// One direction: anchors of one side against the other side.
struct Direction {
  at::Tensor margin_n, loss_n, log_sum_n, weight_n;  // float64; undefined: not asked for

  Direction() = default;
  Direction(const at::Tensor& log_sum_of_negatives_n, const at::Tensor& positive_n,
            const at::Tensor& weight)
      : margin_n(log_sum_of_negatives_n - positive_n),
        loss_n(loss_of_margin(margin_n)),
        log_sum_n(positive_n + loss_n),
        weight_n(weight) {}

  at::Tensor loss() const { return weight_n.mul(loss_n).sum(); }
  at::Tensor attraction_n() const { return weight_n.mul(at::sigmoid(margin_n)); }
};

/// Log-sums and weights of queries and, in both directions, of keys: [R, 2] or [R, 4].
struct Sides {
  Sides(const at::Tensor& numbers, at::ScalarType type) {
    const at::Tensor by_kind = numbers.t().to(type).contiguous();
    query = {by_kind[0], by_kind[1]};
    if (by_kind.size(0) == 4) key = {by_kind[2], by_kind[3]};
  }
  ExpWeight query, key;
};

/// Unit rows of both sides, and where the other ranks' lie.
struct Similarities {
  Similarities(Group& group, const Pairs& pairs)
      : pairs(pairs),
        query(pairs.first),
        key(pairs.second),
        own{query.unit, key.unit, pairs.scale, /*aside=*/1} {
    const at::Tensor all_N2D = group.all_gather(at::stack({query.unit, key.unit}, 1), pairs.rows);
    for (const Piece& piece : pieces_of_others(pairs)) {
      const at::Tensor other_m2D = all_N2D.narrow(0, piece.begin, piece.count);
      to_keys.push_back({query.unit, other_m2D.select(1, 1), pairs.scale});
      to_queries.push_back({key.unit, other_m2D.select(1, 0), pairs.scale});
      places.push_back(piece);
    }
  }

  /// Logs of the sums over the negatives of each query, and in both directions of each key.
  std::pair<at::Tensor, at::Tensor> log_sums(Directions directions) const {
    const auto [rows, columns] = sum_exponentials(own);
    at::Tensor query_n = rows.log();
    for (const RowMatrix& other : to_keys) {
      query_n = at::logaddexp(query_n, sum_exponentials(other).log());
    }
    if (directions == Directions::query_to_key) return {query_n, at::Tensor()};
    at::Tensor key_n = columns.log();
    for (const RowMatrix& other : to_queries) {
      key_n = at::logaddexp(key_n, sum_exponentials(other).log());
    }
    return {query_n, key_n};
  }

  /// What the negatives add to the gradients at the unit queries and keys, without the scale.
  std::pair<at::Tensor, at::Tensor> pulls(const Sides& mine, const Sides& all) const {
    const auto [query_nD, key_nD] = weighted_sums(own, mine.query, mine.key);
    for (size_t i = 0; i < places.size(); ++i) {
      const Piece& place = places[i];
      add_weighted_sums(to_keys[i], mine.query, all.key.narrow(place.begin, place.count), query_nD);
      add_weighted_sums(to_queries[i], mine.key, all.query.narrow(place.begin, place.count),
                        key_nD);
    }
    return {query_nD, key_nD};
  }

  const Pairs& pairs;
  UnitRows query, key;
  PairMatrix own;
  std::vector<RowMatrix> to_keys, to_queries;
  std::vector<Piece> places;
};

ValueAndGradients compute(Group& group, const Pairs& pairs, Directions directions,
                          const at::Tensor& weight, bool gradients) {
  const Similarities similarities(group, pairs);
  const at::Tensor &query_nD = similarities.query.unit, &key_nD = similarities.key.unit;
  const at::Tensor positive_n = query_nD.mul(key_nD).sum(1).to(at::kDouble).mul_(pairs.scale);
  const auto [log_sum_query_n, log_sum_key_n] = similarities.log_sums(directions);
  const bool both = directions == Directions::both;
  const at::Tensor weight_n = sample_weights(kName, group, pairs, weight).mul_(both ? 0.5 : 1.0);
  const Direction by_query(log_sum_query_n, positive_n, weight_n);
  const Direction by_key = both ? Direction(log_sum_key_n, positive_n, weight_n) : Direction();
  const at::Tensor value = both ? by_query.loss() + by_key.loss() : by_query.loss();
  ValueAndGradients result{value.to(query_nD.scalar_type()), {}};

  // Exchanged whether or not gradients are wanted here: other ranks may want theirs.
  std::vector<at::Tensor> numbers{by_query.log_sum_n, weight_n};
  if (both) numbers.insert(numbers.end(), {by_key.log_sum_n, weight_n});
  const at::Tensor mine = at::stack(numbers, 1), all = group.all_gather(mine, pairs.rows);
  if (!gradients) return result;
  const at::ScalarType type = query_nD.scalar_type();
  auto [pull_query_nD, pull_key_nD] = similarities.pulls(Sides(mine, type), Sides(all, type));
  at::Tensor attraction_n = by_query.attraction_n();
  if (both) attraction_n += by_key.attraction_n();
  const at::Tensor attraction_n1 = attraction_n.to(type).unsqueeze(1);
  pull_query_nD.addcmul_(key_nD, attraction_n1, -1.0).mul_(pairs.scale);
  pull_key_nD.addcmul_(query_nD, attraction_n1, -1.0).mul_(pairs.scale);
  result.gradients = {similarities.query.through(pull_query_nD),
                      similarities.key.through(pull_key_nD)};
  return result;
}

}  // namespace

at::Tensor info_nce(Group& group, const at::Tensor& query, const at::Tensor& key,
                    double temperature, const Shard& own, Directions directions,
                    const at::Tensor& weight) {
  const Pairs pairs =
      make_pairs(kName, group, query, key, temperature, rows_of_shards(kName, group, own));
  return with_known_gradient(
      kName, Factor::given_before, {pairs.first, pairs.second},
      [&](bool gradients) { return compute(group, pairs, directions, weight, gradients); });
}

double info_nce_random_guess(int64_t global_batch) {
  return std::log(static_cast<double>(global_batch));
}

}  // namespace nearfar
