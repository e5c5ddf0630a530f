// Dropped residual branches.
#include "framework/encoders/drop_path.h"

#include <torch/types.h>

#include <vector>

#include "framework/encoders/rows_per_image.h"
#include "framework/ship.h"

namespace nearfar {

at::Tensor drop_path(const at::Tensor& branch, double rate, const NormPlan& plan, Random& random) {
  TORCH_CHECK(rate >= 0.0 && rate < 1.0, "drop_path: expected a rate in [0, 1), got ", rate);
  if (rate == 0.0) return branch;
  const uint64_t key = random.next_uint64();
  const int64_t each = RowsPerImage::current();
  const int64_t first = plan.piece ? plan.piece->begin * each : 0;
  TORCH_CHECK(!plan.piece || plan.piece->size() * each == branch.size(0), "drop_path: expected ",
              plan.piece->size() * each, " rows, got ", branch.size(0));
  std::vector<float> factors;
  for (int64_t row = 0; row < branch.size(0); ++row) {
    Random of_row(key, 0, static_cast<uint64_t>(first + row), Purpose::recipe);
    factors.push_back(of_row.chance(rate) ? 0.0f : static_cast<float>(1.0 / (1.0 - rate)));
  }
  std::vector<int64_t> shape(static_cast<size_t>(branch.dim()), 1);
  shape.front() = branch.size(0);
  return branch * ship(at::tensor(factors), branch.device()).to(branch.scalar_type()).view(shape);
}

}  // namespace nearfar
