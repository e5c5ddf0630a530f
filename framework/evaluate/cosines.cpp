// Cosines between rows in blocks: whatever the number of rows, no large matrix exists at once.
#include "framework/evaluate/cosines.h"

#include <ATen/Parallel.h>
#include <torch/types.h>

#include <algorithm>

namespace nearfar {
namespace {

constexpr int64_t kBlockValues = int64_t{1} << 22;  // 16 MB of float32 with 32 MB of double
constexpr int64_t kPairValues = int64_t{1} << 21;   // three such blocks

}  // namespace

at::Tensor unit_rows(const at::Tensor& features) {
  const at::NoGradGuard no_grad;
  TORCH_CHECK(features.dim() == 2 &&
                  (features.scalar_type() == at::kFloat || features.scalar_type() == at::kDouble),
              "unit_rows: expected features [N, d] float32 or float64, got ",
              features.scalar_type(), " ", features.sizes());
  const at::Tensor norm = features.norm(2, {1}, /*keepdim=*/true);
  TORCH_CHECK(at::isfinite(norm).all().item<bool>(), "unit_rows: expected finite values");
  return (features / at::where(norm > 0, norm, at::ones_like(norm))).contiguous();
}

void for_each_query(const at::Tensor& queries, const at::Tensor& gallery,
                    const std::function<void(int64_t query, const double* cosine)>& visit) {
  const at::NoGradGuard no_grad;
  TORCH_CHECK(queries.dim() == 2 && gallery.dim() == 2 && queries.size(1) == gallery.size(1) &&
                  queries.scalar_type() == gallery.scalar_type() && gallery.size(0) > 0,
              "for_each_query: expected queries [Q, d] and gallery [N, d] of one type, N > 0, got ",
              queries.scalar_type(), " ", queries.sizes(), " and ", gallery.scalar_type(), " ",
              gallery.sizes());
  const int64_t rows = gallery.size(0);
  const int64_t block = std::max<int64_t>(1, kBlockValues / rows);
  for (int64_t first = 0; first < queries.size(0); first += block) {
    const int64_t count = std::min(block, queries.size(0) - first);
    const at::Tensor cosines =
        at::mm(queries.narrow(0, first, count), gallery.t()).to(at::kDouble).contiguous();
    const double* cosine = cosines.data_ptr<double>();
    at::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) visit(first + i, cosine + i * rows);
    });
  }
}

std::vector<double> pair_cosines(const at::Tensor& rows, const std::vector<Pair>& pairs) {
  const at::NoGradGuard no_grad;
  const int64_t size = static_cast<int64_t>(pairs.size());
  const int64_t block = std::max<int64_t>(1, kPairValues / std::max<int64_t>(1, rows.size(1)));
  std::vector<double> result;
  result.reserve(pairs.size());
  for (int64_t begin = 0; begin < size; begin += block) {
    const int64_t count = std::min(block, size - begin);
    at::Tensor first = at::empty({count}, at::kLong);
    at::Tensor second = at::empty({count}, at::kLong);
    for (int64_t i = 0; i < count; ++i) {
      first.data_ptr<int64_t>()[i] = pairs[begin + i].first;
      second.data_ptr<int64_t>()[i] = pairs[begin + i].second;
    }
    const at::Tensor cosine = rows.index_select(0, first)
                                  .mul_(rows.index_select(0, second))
                                  .sum({1}, /*keepdim=*/false, at::kDouble);
    const double* value = cosine.data_ptr<double>();
    result.insert(result.end(), value, value + count);
  }
  return result;
}

}  // namespace nearfar
