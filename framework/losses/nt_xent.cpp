// NT-Xent as softplus(log-sum-exp over the negatives - positive): no exponential overflows and
// nothing cancels, however sharp the temperature or well separated the pairs.
#include "framework/losses/nt_xent.h"

#include <torch/types.h>

#include <cmath>

#include "framework/losses/known_gradient.h"
#include "framework/losses/margin.h"
#include "framework/losses/pair_tiles.h"
#include "framework/losses/pairs.h"
#include "framework/losses/row_tiles.h"
#include "framework/losses/unit_rows.h"

// Shapes: n rows of this rank, N rows of all ranks, D dimensions, V = 2 views, A = V n anchors,
// K = V N keys.

namespace nearfar {
namespace {

constexpr const char* kName = "nt_xent";
constexpr int64_t kViews = 2;

/// The similarities of this rank's anchors: those among themselves, and those to other ranks' keys.
struct Anchors {
  // The views of a sample lie side by side: row V i + v of the keys is view v of sample i, on every
  // rank, so that anchors of one sample are left out by their places alone.
  Anchors(const Pairs& pairs, const at::Tensor& unit_nVD, const at::Tensor& keys_NVD)
      : own{unit_nVD.flatten(0, 1), {}, pairs.scale, kViews} {
    own.columns = own.rows;
    const at::Tensor keys_KD = keys_NVD.flatten(0, 1);
    for (const Piece& piece : pieces_of_others(pairs)) {
      const Piece keys{kViews * piece.begin, kViews * piece.count};
      places.push_back(keys);
      others.push_back({own.rows, keys_KD.narrow(0, keys.begin, keys.count), pairs.scale});
    }
  }

  at::Tensor log_sum_of_negatives() const {
    at::Tensor log_sum_A = sum_exponentials(own).first.log();
    for (const RowMatrix& other : others) {
      log_sum_A = at::logaddexp(log_sum_A, sum_exponentials(other).log());
    }
    return log_sum_A;
  }

  /// Sum over the negatives k of (p_ik w_i + p_ki w_k) u_k for each anchor i: its part as an anchor
  /// and its part as a negative of others.
  at::Tensor pull_of_negatives(const ExpWeight& mine_A, const ExpWeight& all_K) const {
    const at::Tensor pull_AD = weighted_sums(own, mine_A, mine_A).first;
    for (size_t i = 0; i < others.size(); ++i) {
      add_weighted_sums(others[i], mine_A, all_K.narrow(places[i].begin, places[i].count), pull_AD);
    }
    return pull_AD;
  }

  PairMatrix own;
  std::vector<RowMatrix> others;
  std::vector<Piece> places;
};

ValueAndGradients compute(Group& group, const Pairs& pairs, const at::Tensor& weight,
                          bool gradients) {
  const UnitRows rows_nVD(at::stack({pairs.first, pairs.second}, 1));
  const at::Tensor& unit_nVD = rows_nVD.unit;
  const Anchors anchors(pairs, unit_nVD, group.all_gather(unit_nVD, pairs.rows));
  const at::Tensor view1_nD = unit_nVD.select(1, 0), view2_nD = unit_nVD.select(1, 1);
  const at::Tensor positive_n = view1_nD.mul(view2_nD).sum(1).to(at::kDouble).mul_(pairs.scale);
  const at::Tensor positive_A = positive_n.repeat_interleave(kViews);
  const at::Tensor margin_A = anchors.log_sum_of_negatives() - positive_A;
  const at::Tensor loss_A = loss_of_margin(margin_A);
  const at::Tensor weight_A =
      sample_weights(kName, group, pairs, weight).div_(kViews).repeat_interleave(kViews);
  ValueAndGradients result{weight_A.mul(loss_A).sum().to(unit_nVD.scalar_type()), {}};

  // Exchanged whether or not gradients are wanted here: other ranks may want theirs.
  const at::Tensor mine_nV2 = at::stack({positive_A + loss_A, weight_A}, 1).view({-1, kViews, 2});
  const at::Tensor all_K2 = group.all_gather(mine_nV2, pairs.rows).flatten(0, 1);
  if (!gradients) return result;
  const auto side = [&](const at::Tensor& numbers_R2) {
    const at::Tensor sides_2R = numbers_R2.t().to(unit_nVD.scalar_type()).contiguous();
    return ExpWeight{sides_2R[0], sides_2R[1]};
  };
  const at::Tensor pull_AD = anchors.pull_of_negatives(side(mine_nV2.flatten(0, 1)), side(all_K2));
  const at::Tensor pull_nVD = pull_AD.view_as(unit_nVD);
  const at::Tensor attraction_n1 = weight_A.mul(at::sigmoid(margin_A))
                                       .view({-1, kViews})
                                       .sum(1, /*keepdim=*/true)
                                       .to(unit_nVD.scalar_type());
  pull_nVD.select(1, 0).addcmul_(view2_nD, attraction_n1, -1.0);
  pull_nVD.select(1, 1).addcmul_(view1_nD, attraction_n1, -1.0);
  const at::Tensor gradient_nVD = rows_nVD.through(pull_nVD.mul_(pairs.scale));
  result.gradients = {gradient_nVD.select(1, 0), gradient_nVD.select(1, 1)};
  return result;
}

}  // namespace

at::Tensor nt_xent(Group& group, const at::Tensor& z1, const at::Tensor& z2, double temperature,
                   const Shard& own, const at::Tensor& weight) {
  return nt_xent_over_rows(group, z1, z2, temperature, rows_of_shards(kName, group, own), weight);
}

at::Tensor nt_xent_over_rows(Group& group, const at::Tensor& z1, const at::Tensor& z2,
                             double temperature, const std::vector<int64_t>& rows,
                             const at::Tensor& weight) {
  const Pairs pairs = make_pairs(kName, group, z1, z2, temperature, rows);
  return with_known_gradient(
      kName, Factor::given_before, {pairs.first, pairs.second},
      [&](bool gradients) { return compute(group, pairs, weight, gradients); });
}

double nt_xent_random_guess(int64_t global_batch) {
  return std::log(2.0 * static_cast<double>(global_batch) - 1.0);
}

}  // namespace nearfar
