// Spread, rank, similarities, alignment and uniformity of embeddings.
#include "framework/train/signs_of_life.h"

#include <torch/types.h>

#include <cmath>
#include <limits>

namespace nearfar {
namespace {

constexpr double kTiny = 1e-12;
constexpr int64_t kMostRows = 512;

at::Tensor unit_rows(const at::Tensor& embeddings) {
  const at::Tensor rows =
      embeddings.detach().reshape({embeddings.size(0), -1}).to(at::kFloat).contiguous();
  return rows / rows.norm(2, 1, true).clamp_min(kTiny);
}

at::Tensor first_rows(const at::Tensor& embeddings) {
  return embeddings.narrow(0, 0, std::min(embeddings.size(0), kMostRows));
}

at::Tensor std_of_unit_rows(const at::Tensor& rows) {
  return rows.std(0, /*unbiased=*/false).mean() * std::sqrt(static_cast<double>(rows.size(1)));
}

/// From the eigenvalues of the smaller Gram matrix, which are the squares of the singular values:
/// several times as fast as these, and in double precision good to 1e-8 of the largest. NaN where
/// the rows are not finite.
double rank_of_unit_rows(const at::Tensor& rows) {
  const at::Tensor x = rows.to(at::kDouble);
  const at::Tensor gram = (x.size(0) < x.size(1) ? x.matmul(x.t()) : x.t().matmul(x)).to(at::kCPU);
  // LAPACK does not take NaN.
  if (!gram.isfinite().all().item<bool>()) return std::numeric_limits<double>::quiet_NaN();
  const at::Tensor singular = at::linalg_eigvalsh(gram).clamp_min(0.0).sqrt();
  const at::Tensor share = singular / singular.sum().clamp_min(kTiny);
  return std::exp(-(share * (share + kTiny).log()).sum().item<double>());
}

/// Mean over i != j of x_i . y_j, from sums alone.
at::Tensor mean_of_negatives(const at::Tensor& x, const at::Tensor& y) {
  const auto n = static_cast<double>(x.size(0));
  const at::Tensor all = x.sum(0).dot(y.sum(0));
  return (all - (x * y).sum()) / (n * (n - 1.0));
}

at::Tensor uniformity_of(const at::Tensor& rows) {
  const auto n = static_cast<double>(rows.size(0));
  // |x - y|^2 = 2 - 2 x.y for unit rows; the diagonal's n ones are taken out again.
  const at::Tensor potential = rows.matmul(rows.t()).mul_(4.0).sub_(4.0).exp_();
  return ((potential.sum(at::kDouble) - potential.diagonal().sum(at::kDouble)) / (n * (n - 1.0)))
      .log();
}

}  // namespace

double embedding_std(const at::Tensor& embeddings) {
  return std_of_unit_rows(unit_rows(embeddings)).item<double>();
}

double effective_rank(const at::Tensor& embeddings) {
  return rank_of_unit_rows(unit_rows(first_rows(embeddings)));
}

Embeddings in_order(const Embeddings& embeddings, const Recipe& recipe) {
  if (recipe.shuffled_views().empty()) return embeddings;
  return {embeddings.front()};
}

EmbeddingPair embedding_pair(const Embeddings& embeddings) {
  for (size_t i = 0; i < embeddings.size(); ++i) {
    for (size_t j = i + 1; j < embeddings.size(); ++j) {
      if (embeddings[i].sizes() != embeddings[j].sizes()) continue;
      return {unit_rows(first_rows(embeddings[i])), unit_rows(first_rows(embeddings[j]))};
    }
  }
  return {unit_rows(first_rows(embeddings.front())), {}};
}

Cosines cosines(const EmbeddingPair& pair) {
  const bool two = pair.second.defined();
  const at::Tensor all = pair.first.matmul((two ? pair.second : pair.first).t());
  const at::Tensor others =
      at::eye(all.size(0), all.options().dtype(at::kBool)).logical_not().flatten();
  return {two ? all.diagonal() : at::Tensor(), all.flatten().masked_select(others)};
}

SignsOfLife signs_of_life(const Embeddings& embeddings) {
  const at::NoGradGuard no_grad;
  const EmbeddingPair pair = embedding_pair(embeddings);
  const at::Tensor first = unit_rows(first_rows(embeddings.front()));
  const bool two = pair.second.defined(), negatives = pair.first.size(0) > 1;
  const at::Tensor& x = pair.first;
  const at::Tensor& y = two ? pair.second : x;
  const at::Tensor none = at::zeros({}, x.options());
  const at::Tensor uniformity = !negatives ? none
                                : two      ? (uniformity_of(x) + uniformity_of(y)) * 0.5
                                           : uniformity_of(x);
  // One transfer from the device for all of them.
  const at::Tensor numbers =
      at::stack({std_of_unit_rows(first).to(at::kDouble), (x * y).sum(1).mean().to(at::kDouble),
                 negatives ? mean_of_negatives(x.to(at::kDouble), y.to(at::kDouble))
                           : none.to(at::kDouble),
                 (x - y).square().sum(1).mean().to(at::kDouble), uniformity.to(at::kDouble)})
          .cpu();
  const double* value = numbers.data_ptr<double>();
  SignsOfLife signs;
  signs.embedding_std = value[0];
  signs.effective_rank = rank_of_unit_rows(first);
  if (two) {
    signs.positive_similarity = value[1];
    signs.alignment = value[3];
  }
  if (negatives) {
    signs.negative_similarity = value[2];
    signs.uniformity = value[4];
  }
  return signs;
}

}  // namespace nearfar
