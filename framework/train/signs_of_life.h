// Numbers that tell whether a representation is learning or collapsing.
#pragma once

#include <optional>

#include "framework/recipe/recipe.h"

namespace nearfar {

/// Mean over dimensions of the standard deviation of unit rows, times the root of the dimension: 1
/// when rows spread evenly over the sphere, 0 when all are equal. embeddings [N, ...].
double embedding_std(const at::Tensor& embeddings);

/// exp(entropy of the normalised singular values) of unit rows (RankMe, Garrido et al. 2023),
/// between 1 and min(N, d). At most 512 rows are looked at.
double effective_rank(const at::Tensor& embeddings);

/// Embeddings whose rows are those of one sample: all, or the first alone where the recipe shuffles
/// views (row i of the others shows another sample; the recipe itself may report its similarity of
/// positives).
Embeddings in_order(const Embeddings& embeddings, const Recipe& recipe);

/// Two embeddings of the same samples, unit rows [n, d] in float32, n at most 512: the first two
/// that have one shape. With a single embedding, or none of equal shape, `second` is undefined.
struct EmbeddingPair {
  at::Tensor first, second;
};
EmbeddingPair embedding_pair(const Embeddings& embeddings);

/// Cosines of a pair: [n] of each sample with itself in the other embedding (undefined without a
/// second one), and [n (n - 1)] of different samples (across the two, or within the only one).
struct Cosines {
  at::Tensor positives, negatives;
};
Cosines cosines(const EmbeddingPair& pair);

/// What one step's embeddings say: NaN where they are not finite, nothing where it is not defined:
/// positives need two embeddings of equal shape, negatives and uniformity two samples.
struct SignsOfLife {
  double embedding_std = 0.0;   // of the first embedding
  double effective_rank = 0.0;  // of the first embedding
  std::optional<double> positive_similarity;
  std::optional<double> negative_similarity;
  /// E |x - y|^2 over positives (Wang & Isola 2020, eq. 2, alpha = 2): 0 is perfect.
  std::optional<double> alignment;
  /// log E exp(-2 |x - y|^2) over pairs of samples of one view, mean over the views of the pair
  /// (Wang & Isola 2020, eq. 3, t = 2): 0 when all are equal, near -4 when spread evenly in many
  /// dimensions.
  std::optional<double> uniformity;
};

/// Precondition: at least one embedding. Looks at most at 512 rows; reads them once.
SignsOfLife signs_of_life(const Embeddings& embeddings);

}  // namespace nearfar
