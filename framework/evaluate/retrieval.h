// Retrieval: does a ranking by cosine put the images of a query's class first?
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>

namespace nearfar {

/// Where the recall of RetrievalScores is taken.
inline constexpr std::array<int64_t, 4> kRecallAt{1, 2, 4, 8};

struct RetrievalConfig {
  int64_t queries = 5000;
  bool against_train = true;

  void describe(auto& field) {
    field("queries", queries, int64_t{1}, int64_t{1} << 40,
          "at most so many test images, drawn by evaluate.seed, are queries; the gallery stays "
          "whole");
    field("against_train", against_train,
          "whether test images also retrieve training images (more work the larger that part)");
  }
};

/// Means over the queries; R is the number of gallery rows of a query's class, and queries with
/// R = 0 (lonely ones) are left out.
struct RetrievalScores {
  std::array<double, 4> recall{};  // share of queries with a row of their class among the first K
                                   // (Song et al. 2016)
  double r_precision = 0.0;        // hits among the first R, by R
  double map_at_r = 0.0;           // (1/R) sum over the hits i <= R of precision at i (Musgrave,
                                   // Belongie, Lim 2020)
  double map = 0.0;                // mean over all R hits of precision at the hit
  double map_at_r_error = 0.0;     // standard error of map_at_r over queries, the gallery held
  int64_t queries = 0;             // counted
  int64_t lonely = 0;              // left out
};

/// Each row of `queries` (positions [Q] int64 into features [N, d]) ranks all the other rows by
/// cosine; of equal cosines the lower row comes first. label [N] int64. All scores are 0 when every
/// query is lonely.
RetrievalScores retrieval_scores(const at::Tensor& features, const at::Tensor& label,
                                 const at::Tensor& queries);

/// The same for queries [Q, d] that are no rows of the gallery [N, d].
RetrievalScores retrieval_scores(const at::Tensor& queries, const at::Tensor& query_label,
                                 const at::Tensor& gallery, const at::Tensor& gallery_label);

}  // namespace nearfar
