// The energy distance.
#include <torch/types.h>

#include <algorithm>

#include "framework/distances/norms.h"
#include "framework/distances/sets.h"
#include "framework/widened.h"

namespace nearfar {
namespace {

at::Tensor mean_distance(const at::Tensor& x, const at::Tensor& y) {
  return LpDistance(2.0).matrix(x, y).mean();
}

}  // namespace

at::Tensor energy_distance(const at::Tensor& x, const at::Tensor& y, PairsOfASet pairs) {
  const bool different = pairs == PairsOfASet::different;
  TORCH_CHECK(x.dim() == 2 && y.dim() == 2 && x.size(1) == y.size(1) &&
                  std::min(x.size(0), y.size(0)) >= (different ? 2 : 1) && x.is_floating_point() &&
                  x.scalar_type() == y.scalar_type(),
              "energy_distance: expected sets [n, d] and [m, d] of at least ", different ? 2 : 1,
              " points and one floating type, got ", x.sizes(), " of ", x.scalar_type(), " and ",
              y.sizes(), " of ", y.scalar_type());
  const auto within = [different](const at::Tensor& set) {
    const double n = static_cast<double>(set.size(0));
    return mean_distance(set, set) * (different ? n / (n - 1.0) : 1.0);
  };
  const at::Tensor a = widened(x), b = widened(y);
  return 2.0 * mean_distance(a, b) - within(a) - within(b);
}

}  // namespace nearfar
