// Losses that rank all rows of a batch at once: N-pair, log-ratio, lifted structure,
// multi-similarity, circle.
#pragma once

#include <ATen/core/Tensor.h>

#include "distributed/group.h"
#include "distributed/shard.h"

namespace nearfar {

// Rows are this rank's shard of the global batch and meet those of all ranks; the mean over ranks
// of a loss is that of the global batch. Memory: a few [n, N].

enum class NPairForm {
  multi_class,    // log(1 + sum_{j != i} exp(a_i . p_j - a_i . p_i))
  one_versus_one  // sum_{j != i} log(1 + exp(a_i . p_j - a_i . p_i))
};

/// Sohn 2016, equations 6 and 7: anchor, positive [n, d], one pair of each class, not normalised;
/// mean over anchors.
at::Tensor n_pair(Group& group, const at::Tensor& anchor, const at::Tensor& positive,
                  NPairForm form, const Shard& own);

/// The mean over the 2N embeddings of their squared norm, for N-pair's penalty.
at::Tensor mean_squared_norm(Group& group, const at::Tensor& anchor, const at::Tensor& positive,
                             const Shard& own);

struct LogRatio {
  double epsilon = 1e-6;     // added to every distance
  bool squared = true;       // squared distances (the paper), else plain ones (the released code)
  bool every_anchor = true;  // else row 0 of the global batch alone
};

/// Kim et al. 2019, equation 5, with dense triplets: for each anchor a, over all unordered pairs
/// {i, j} of the other rows, the mean of (log(D(f_a, f_i) / D(f_a, f_j)) - log(D(y_a, y_i) /
/// D(y_a, y_j)))^2; mean over anchors. With r_i = log D(f_a, f_i) - log D(y_a, y_i) that is twice
/// the variance of r, so no pair is ever held. embeddings [n, d], not normalised; target [n, t].
/// Distances of 0 count as the smallest positive number. At least three rows.
at::Tensor log_ratio(Group& group, const at::Tensor& embeddings, const at::Tensor& target,
                     const LogRatio& options, const Shard& own);

/// Oh Song et al. 2016, equation 4: over positive pairs, half the mean of [J]+^2, J = log(sum
/// exp(margin - D_ik) + sum exp(margin - D_jl)) + D_ij over negatives k of i and l of j. Euclidean,
/// not normalised.
at::Tensor lifted_structure(Group& group, const at::Tensor& embeddings, const at::Tensor& label,
                            double margin, const Shard& own);

struct MultiSimilarity {
  double alpha = 2.0;
  double beta = 50.0;
  double base = 0.5;
};

/// Wang et al. 2019, equation 15 without mining, mean over all rows: log(1 + sum_p exp(-alpha (S -
/// base))) / alpha + log(1 + sum_n exp(beta (S - base))) / beta, S cosines.
at::Tensor multi_similarity(Group& group, const at::Tensor& embeddings, const at::Tensor& label,
                            const MultiSimilarity& options, const Shard& own);

/// Sun et al. 2020, equation 6 with pair labels, mean over the anchors that have positives and
/// negatives: log(1 + sum exp(gamma a_n (S_n - m)) sum exp(-gamma a_p (S_p - 1 + m))), a_p = [1 + m
/// - S_p]+ and a_n = [S_n + m]+ without gradient.
at::Tensor circle(Group& group, const at::Tensor& embeddings, const at::Tensor& label, double m,
                  double gamma, const Shard& own);

}  // namespace nearfar
