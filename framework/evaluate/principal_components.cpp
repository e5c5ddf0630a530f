// The directions in which rows vary most, by the eigenvectors of the smaller matrix.
#include "framework/evaluate/principal_components.h"

#include <torch/types.h>

#include <algorithm>
#include <tuple>

namespace nearfar {
namespace {

/// Eigenvalues below this share of the largest are rounding: their directions are arbitrary.
constexpr double kRounding = 1e-12;

/// The sign of an eigenvector is arbitrary; the entry of largest size decides.
at::Tensor with_fixed_signs(const at::Tensor& directions) {
  const at::Tensor largest = directions.abs().argmax(1, /*keepdim=*/true);
  const at::Tensor sign = directions.gather(1, largest).sign();
  return directions * sign;
}

}  // namespace

PrincipalComponents principal_components(const at::Tensor& rows, int64_t k) {
  TORCH_CHECK(rows.dim() == 2 && rows.numel() > 0 && k > 0,
              "principal_components: expected a matrix with rows and k > 0, got ", rows.sizes(),
              " and ", k);
  const at::NoGradGuard no_grad;
  const at::Tensor centred = rows.to(at::kDouble) - rows.to(at::kDouble).mean(0, true);
  const int64_t count = std::min({k, rows.size(0), rows.size(1)});
  const bool wide = rows.size(1) > rows.size(0);
  const at::Tensor matrix = wide ? centred.mm(centred.t()) : centred.t().mm(centred);
  const auto [ascending, vectors] = at::linalg_eigh(matrix);
  const at::Tensor values = ascending.flip(0).narrow(0, 0, count).clamp_min(0.0);
  const at::Tensor leading = vectors.flip(1).narrow(1, 0, count).t();
  const at::Tensor real = values > values.max() * kRounding;
  // v of X X^t becomes the direction X^t v / |X^t v|, and |X^t v|^2 is its eigenvalue.
  at::Tensor directions = wide ? leading.mm(centred) : leading;
  directions = directions / directions.norm(2, 1, true).clamp_min(1e-300);
  directions = with_fixed_signs(directions) * real.unsqueeze(1).to(at::kDouble);
  const at::Tensor total = centred.square().sum().clamp_min(1e-300);
  return {centred.mm(directions.t()), directions, values / total};
}

}  // namespace nearfar
