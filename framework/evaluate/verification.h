// Verification: are two images of one class? Judged by their cosine.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "framework/evaluate/pair_sample.h"
#include "framework/evaluate/scores.h"

namespace nearfar {

struct VerificationConfig {
  int64_t pairs = 200000;
  int64_t folds = 10;
  int64_t replicates = 200;

  void describe(auto& field) {
    field("pairs", pairs, int64_t{1}, int64_t{100000000},
          "at most so many pairs of one class, and as many of two, drawn by evaluate.seed");
    field("folds", folds, int64_t{2}, int64_t{1000},
          "parts of the pairs; the threshold for each part is chosen on the others");
    field("replicates", replicates, int64_t{20}, int64_t{100000},
          "resamplings of the images for the interval of the area under the curve");
  }
};

/// Pairs with their scores.
struct ScoredPairs {
  PairSample pairs;
  std::vector<double> positive_scores;
  std::vector<double> negative_scores;
};

/// Accuracy in each part of the pairs, at the threshold that is best on all others: the mean of
/// TAR and 1 - FAR, which is the share of right answers for as many positives as negatives (LFW,
/// Huang et al. 2007, view 2; its parts also share no identity, these do). The threshold lies
/// midway between two scores; of equally good ones the highest. The seed deals positives and
/// negatives to the parts, which differ in size by one pair of each kind at most; parts without
/// pairs of both kinds are left out.
MeanAndSpread accuracy_on_folds(const ScoredPairs& scored, int64_t folds, uint64_t seed);

/// Interval of the area under the curve at 95 %: percentiles over resamplings of the images
/// (Snijders and Borgatti 1999). Pairs that share an image are not independent, so resampling the
/// pairs would find it too narrow. `images` is N; resamplings without pairs of both kinds are left
/// out.
std::pair<double, double> auc_interval(const ScoredPairs& scored, int64_t images,
                                       int64_t replicates, uint64_t seed);

}  // namespace nearfar
