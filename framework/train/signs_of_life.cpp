// Spread and effective rank of embeddings.
#include "framework/train/signs_of_life.h"

#include <cmath>

namespace nearfar {
namespace {

constexpr double kTiny = 1e-12;

at::Tensor unit_rows(const at::Tensor& embeddings) {
  const at::Tensor rows = embeddings.detach().to(at::kFloat);
  return rows / rows.norm(2, 1, true).clamp_min(kTiny);
}

}  // namespace

double embedding_std(const at::Tensor& embeddings) {
  const at::Tensor rows = unit_rows(embeddings);
  return rows.std(0, /*unbiased=*/false).mean().item<double>() *
         std::sqrt(static_cast<double>(rows.size(1)));
}

double effective_rank(const at::Tensor& embeddings) {
  const at::Tensor rows =
      unit_rows(embeddings.narrow(0, 0, std::min<int64_t>(embeddings.size(0), 512)));
  const at::Tensor singular = at::linalg_svdvals(rows).to(at::kDouble);
  const at::Tensor share = singular / singular.sum().clamp_min(kTiny);
  return std::exp(-(share * (share + kTiny).log()).sum().item<double>());
}

}  // namespace nearfar
