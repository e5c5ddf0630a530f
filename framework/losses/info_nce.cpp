// InfoNCE between two batches: log-sum-exps of rows and of columns of one matrix of similarities.
#include "framework/losses/info_nce.h"

#include <torch/types.h>

#include <cmath>

#include "framework/losses/known_gradient.h"
#include "framework/losses/pair_tiles.h"
#include "framework/losses/pairs.h"
#include "framework/losses/row_tiles.h"
#include "framework/losses/margin.h"
#include "framework/losses/unit_rows.h"

// Shapes: n rows of this rank, N rows of all ranks, D dimensions.

namespace nearfar {
namespace {

constexpr const char* kName = "info_nce";

/// One direction: anchors of one side against the other side.
struct Direction {
  at::Tensor margin_n, loss_n, log_sum_n, weight_n;  // float64

  Direction(const at::Tensor& log_sum_of_negatives_n, const at::Tensor& positive_n,
            const at::Tensor& weight)
      : margin_n(log_sum_of_negatives_n - positive_n),
        loss_n(loss_of_margin(margin_n)),
        log_sum_n(positive_n + loss_n),
        weight_n(weight) {}

  at::Tensor attraction() const { return weight_n.mul(at::sigmoid(margin_n)); }
};

/// Log-sums and weights of both directions, [R, 4] -> what queries and keys give.
struct Sides {
  Sides(const at::Tensor& numbers_R4, at::ScalarType type) {
    const at::Tensor numbers_4R = numbers_R4.t().to(type).contiguous();
    query = {numbers_4R[0], numbers_4R[1]};
    key = {numbers_4R[2], numbers_4R[3]};
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

  /// Logs of the sums over the negatives of each query, and of each key.
  std::pair<at::Tensor, at::Tensor> log_sums() const {
    const auto [rows, columns] = sum_exponentials(own);
    at::Tensor query_n = rows.log(), key_n = columns.log();
    for (size_t i = 0; i < places.size(); ++i) {
      query_n = at::logaddexp(query_n, sum_exponentials(to_keys[i]).log());
      key_n = at::logaddexp(key_n, sum_exponentials(to_queries[i]).log());
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
  const auto [log_sum_query_n, log_sum_key_n] = similarities.log_sums();
  const at::Tensor weight_n = sample_weights(kName, group, pairs, weight);
  const double share = directions == Directions::both ? 0.5 : 0.0;
  const Direction by_query(log_sum_query_n, positive_n, weight_n * (1.0 - share));
  const Direction by_key(log_sum_key_n, positive_n, weight_n * share);
  const at::Tensor value =
      (by_query.weight_n * by_query.loss_n + by_key.weight_n * by_key.loss_n).sum();
  ValueAndGradients result{value.to(query_nD.scalar_type()), {}};

  // Exchanged whether or not gradients are wanted here: other ranks may want theirs.
  const at::Tensor mine_n4 =
      at::stack({by_query.log_sum_n, by_query.weight_n, by_key.log_sum_n, by_key.weight_n}, 1);
  const at::Tensor all_N4 = group.all_gather(mine_n4, pairs.rows);
  if (!gradients) return result;
  const at::ScalarType type = query_nD.scalar_type();
  auto [pull_query_nD, pull_key_nD] =
      similarities.pulls(Sides(mine_n4, type), Sides(all_N4, type));
  const at::Tensor attraction_n1 =
      (by_query.attraction() + by_key.attraction()).to(type).unsqueeze(1);
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
  return with_known_gradient(kName, Factor::given_before, {pairs.first, pairs.second},
                             [&](bool gradients) {
                               return compute(group, pairs, directions, weight, gradients);
                             });
}

double info_nce_random_guess(int64_t global_batch) {
  return std::log(static_cast<double>(global_batch));
}

}  // namespace nearfar
