// Instance discrimination by the whole softmax, and the proximal term.
#include "framework/losses/npid.h"

#include <torch/types.h>

#include <cmath>

#include "framework/losses/contrast.h"
#include "framework/losses/known_gradient.h"
#include "framework/losses/pairs.h"
#include "framework/losses/unit_rows.h"

// Shapes: n rows of this rank, N rows of all ranks, D dimensions, K rows of the bank here.

namespace nearfar {
namespace {

constexpr const char* kName = "npid_softmax";
constexpr const char* kNameProximal = "npid_proximal";

}  // namespace

at::Tensor npid_softmax(Group& group, const at::Tensor& feature, const MemoryBank& bank,
                        double temperature, const Shard& own, const at::Tensor& index) {
  const Pairs pairs =
      make_pairs(kName, group, feature, feature, temperature, rows_of_shards(kName, group, own));
  return with_known_gradient(kName, Factor::any, {pairs.first}, [&](bool) {
    const UnitRows feature_nD(pairs.first);
    const at::Tensor row_nD =
        rows_of_images(group, bank, index, own, feature_nD.unit.scalar_type());
    const at::Tensor image_K = at::arange(bank.place.begin, bank.place.end, index.options());
    const RowMatrix others{feature_nD.unit, bank.rows.detach(), pairs.scale, index, image_K};
    const Attention attention =
        bank.sharded ? attend_over_ranks(group, pairs, others) : attend(others);
    const Contrast contrast(feature_nD.unit, row_nD, attention, pairs.scale);
    const double weight = share_of_row(group, pairs.total);
    return ValueAndGradients{contrast.loss_n.sum().mul_(weight).to(feature_nD.unit.scalar_type()),
                             {feature_nD.through(contrast.gradient_nD.mul(weight))}};
  });
}

double npid_softmax_random_guess(int64_t images) { return std::log(static_cast<double>(images)); }

at::Tensor npid_proximal(Group& group, const at::Tensor& feature, const MemoryBank& bank,
                         const Shard& own, const at::Tensor& index) {
  const Pairs pairs = make_pairs(kNameProximal, group, feature, feature, /*temperature=*/1.0,
                                 rows_of_shards(kNameProximal, group, own));
  return with_known_gradient(kNameProximal, Factor::any, {pairs.first}, [&](bool) {
    const UnitRows feature_nD(pairs.first);
    const at::Tensor apart_nD =
        feature_nD.unit - rows_of_images(group, bank, index, own, feature_nD.unit.scalar_type());
    const double weight = share_of_row(group, pairs.total);
    return ValueAndGradients{apart_nD.square().sum().mul_(weight),
                             {feature_nD.through(apart_nD.mul(2.0 * weight))}};
  });
}

}  // namespace nearfar
