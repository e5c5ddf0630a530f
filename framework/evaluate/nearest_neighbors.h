// Weighted nearest neighbours: the judge of NPID (Wu et al. 2018) and DINO.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace nearfar {

/// The k nearest training rows of each test row by cosine: similarity [Q, k] and index [Q, k], most
/// similar first. Exact, by blocked matrix products in at most `memory_bytes` besides the result.
struct Neighbors {
  at::Tensor similarity;
  at::Tensor index;
};
Neighbors nearest_neighbors(const at::Tensor& train, const at::Tensor& test, int64_t k,
                            int64_t memory_bytes = int64_t{256} << 20);

/// Votes exp(cosine / temperature) of the first k neighbours by class: scores [Q, C]. k is cut to what
/// there is.
at::Tensor vote(const Neighbors& neighbors, const at::Tensor& train_label, int64_t classes, int64_t k,
                double temperature);

}  // namespace nearfar
