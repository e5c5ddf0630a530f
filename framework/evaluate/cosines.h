// Cosines between rows in blocks: whatever the number of rows, no large matrix exists at once.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace nearfar {

/// Two rows, by position.
struct Pair {
  int64_t first = 0;
  int64_t second = 0;
  bool operator==(const Pair&) const = default;
};

/// Rows [N, d] scaled to norm 1, contiguous, float32 or float64 as given; a row of zeros stays and
/// has cosine 0 to everything. Throws c10::Error for values that are not finite.
at::Tensor unit_rows(const at::Tensor& features);

/// Calls visit(query, cosine) once for each of the unit rows `queries` [Q, d] with its cosines to
/// all of `gallery` [N, d], N doubles. Several threads call at the same time; at most
/// 48 MB + 12 N bytes besides the inputs.
void for_each_query(const at::Tensor& queries, const at::Tensor& gallery,
                    const std::function<void(int64_t query, const double* cosine)>& visit);

/// Cosine of each pair of unit rows, summed in double; at most 64 MB besides inputs and result.
std::vector<double> pair_cosines(const at::Tensor& rows, const std::vector<Pair>& pairs);

}  // namespace nearfar
