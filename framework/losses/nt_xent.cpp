// NT-Xent as softplus(log-sum-exp over the negatives - positive): no exponential overflows and
// nothing cancels, however sharp the temperature or well separated the pairs.
#include "framework/losses/nt_xent.h"

#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/types.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "distributed/gather.h"

// Shapes: n rows of this rank, N rows of all ranks, D dimensions, V = 2 views, A = V n anchors,
// K = V N keys.

namespace nearfar {
namespace {

void check_inputs(const Group& group, const at::Tensor& z1, const at::Tensor& z2,
                  double temperature, const std::vector<int64_t>& rows) {
  TORCH_CHECK(temperature > 0.0, "nt_xent: expected a temperature above 0, got ", temperature);
  TORCH_CHECK(z1.dim() == 2 && z1.sizes() == z2.sizes(),
              "nt_xent: expected z1 and z2 of one shape [n, d], got ", z1.sizes(), " and ",
              z2.sizes());
  const at::ScalarType type = z1.scalar_type();
  TORCH_CHECK((type == at::kFloat || type == at::kDouble) && z2.scalar_type() == type,
              "nt_xent: expected float32 or float64 in both views, got ", type, " and ",
              z2.scalar_type());
  const size_t rank = static_cast<size_t>(group.rank());
  TORCH_CHECK(rows.size() == static_cast<size_t>(group.size()) && rows[rank] == z1.size(0),
              "nt_xent: rank ", rank, " of ", group.size(),
              ": expected as many rows as announced for this rank, ", rows, ", got ", z1.size(0));
}

// x / |x|. The row's largest component is taken out first, so that no square over- or underflows;
// as the result does not depend on it, it is a constant to autograd. A row of zeros stays zero.
at::Tensor normalize_rows(const at::Tensor& rows) {
  const at::Tensor largest = rows.detach().abs().amax(-1, /*keepdim=*/true);
  const at::Tensor scaled = rows / largest.masked_fill(largest == 0, 1.0);
  const at::Tensor squares = scaled.square().sum(-1, /*keepdim=*/true);
  return scaled / squares.masked_fill(largest == 0, 1.0).sqrt();
}

}  // namespace

at::Tensor nt_xent(Group& group, const at::Tensor& z1, const at::Tensor& z2, double temperature,
                   const Shard& own) {
  TORCH_CHECK(own == shard(own.total, group.size(), group.rank()), "nt_xent: rank ", group.rank(),
              " of ", group.size(), ": expected this rank's shard of ", own.total, ", got [",
              own.begin, ", ", own.end, ")");
  return nt_xent_over_rows(group, z1, z2, temperature, rows_by_rank(own.total, group.size()));
}

at::Tensor nt_xent_over_rows(Group& group, const at::Tensor& z1, const at::Tensor& z2,
                             double temperature, const std::vector<int64_t>& rows) {
  check_inputs(group, z1, z2, temperature, rows);
  const int64_t begin = std::accumulate(rows.begin(), rows.begin() + group.rank(), int64_t{0});
  const int64_t total = std::accumulate(rows.begin(), rows.end(), int64_t{0});
  // Under autocast the product would be rounded to bfloat16, a hundredth of a unit at a sharp
  // temperature.
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);

  // The views of a sample lie side by side: row V i + v of the keys is view v of sample i, on every
  // rank, and an anchor finds itself and its positive by its global row alone.
  const at::Tensor unit_nVD = normalize_rows(at::stack({z1, z2}, 1));
  const at::Tensor keys_KD = gather_with_grad(group, unit_nVD, rows).flatten(0, 1);
  const at::Tensor logits_AK = unit_nVD.flatten(0, 1).matmul(keys_KD.t()) / temperature;

  const at::Tensor self_A1 =
      at::arange(2 * begin, 2 * begin + 2 * z1.size(0), logits_AK.options().dtype(at::kLong))
          .unsqueeze(1);
  const at::Tensor positive_A1 = self_A1.bitwise_xor(1);
  // Finite, not infinite: a batch of one pair has no negatives, and infinities would make NaN of
  // it.
  const double nothing = logits_AK.scalar_type() == at::kFloat
                             ? std::numeric_limits<float>::lowest()
                             : std::numeric_limits<double>::lowest();
  const at::Tensor negatives_AK = logits_AK.scatter(1, at::cat({self_A1, positive_A1}, 1), nothing);
  const at::Tensor margin_A =
      negatives_AK.logsumexp(1) - logits_AK.gather(1, positive_A1).squeeze(1);
  // Above 40, ln(1 + e^x) - x is below the last bit of a double.
  const at::Tensor loss_A = at::softplus(margin_A, /*beta=*/1, /*threshold=*/40);
  return loss_A.sum() * (static_cast<double>(group.size()) / static_cast<double>(2 * total));
}

double nt_xent_random_guess(int64_t global_batch) {
  return std::log(2.0 * static_cast<double>(global_batch) - 1.0);
}

}  // namespace nearfar
