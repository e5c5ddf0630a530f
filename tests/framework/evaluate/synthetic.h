// Seeded tensors for the tests of evaluation, independent of LibTorch's generator.
#pragma once

#include <torch/types.h>

#include "augment/random.h"

namespace nearfar::synthetic {

inline at::Tensor normal(std::vector<int64_t> shape, uint64_t seed) {
  Random random(seed, 0, 0, Purpose::recipe);
  at::Tensor values = at::empty(shape, at::kDouble);
  for (int64_t i = 0; i < values.numel(); ++i) values.data_ptr<double>()[i] = random.normal();
  return values;
}

inline at::Tensor labels(int64_t count, int64_t classes, uint64_t seed) {
  Random random(seed, 1, 0, Purpose::recipe);
  at::Tensor values = at::empty({count}, at::kLong);
  for (int64_t i = 0; i < count; ++i) values.data_ptr<int64_t>()[i] = random.below(classes);
  return values;
}

/// Unit-variance clouds around class centres that are `distance` apart from the origin.
inline at::Tensor clouds(const at::Tensor& label, int64_t classes, int64_t width, double distance,
                         uint64_t seed) {
  const at::Tensor centres = normal({classes, width}, 977) * distance;
  return centres.index_select(0, label) + normal({label.size(0), width}, seed);
}

}  // namespace nearfar::synthetic
