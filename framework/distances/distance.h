// Distances between embeddings: of all pairs as a matrix, and row by row.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

namespace nearfar {

/// A distance between rows. Gradients are finite everywhere; where the distance has a kink (equal
/// rows) they are 0. bfloat16 and half are computed in float32. Memory is the result, a few tensors
/// of the rows' size and, for the gradient, a second matrix. Throws c10::Error for rows that are
/// not [n, d] of floating type with one d.
class Distance {
 public:
  virtual ~Distance() = default;
  /// x [n, d], y [m, d] -> [n, m].
  at::Tensor matrix(const at::Tensor& x, const at::Tensor& y) const;
  /// x, y [n, d] -> [n]: the distance of row i to row i.
  at::Tensor rows(const at::Tensor& x, const at::Tensor& y) const;

 protected:
  virtual at::Tensor pairwise(const at::Tensor& x, const at::Tensor& y) const = 0;
  virtual at::Tensor rowwise(const at::Tensor& x, const at::Tensor& y) const = 0;
};

/// Which distance: recipes and losses hold one of these.
struct DistanceConfig {
  std::string kind = "euclidean";
  std::string p = "2";

  void describe(auto& field) {
    field("kind", kind, distance_kinds(), "how far two embeddings are apart");
    field("p", p, "of lp: a number of at least 1, or inf");
  }

 private:
  static const std::vector<std::string>& distance_kinds();
};

/// Throws ConfigError for a p that is no number of at least 1.
std::unique_ptr<Distance> make_distance(const DistanceConfig& config);

/// What a metric satisfies; the triangle inequality as d(x, z) <= d(x, y) + d(y, z).
struct Axioms {
  bool non_negative, zero_only_for_equals, symmetric, triangle;
};

struct DistanceInfo {
  std::string kind, formula, paper;
  Axioms axioms;
};

/// Every kind of make_distance, in the order of listings.
const std::vector<DistanceInfo>& distances();

}  // namespace nearfar
