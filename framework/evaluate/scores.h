// How good predictions are: top-1, top-5, accuracy by class, and how sure that is.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace nearfar {

struct Accuracy {
  double top1 = 0.0;              // fraction
  double top5 = 0.0;              // fraction
  std::vector<double> per_class;  // [C] top-1 of the images of each class; NaN where there are none
  int64_t count = 0;              // images judged
  at::Tensor prediction;          // [Q] int64 the class of the best score
};

/// Place of the true class among the scores [Q, C], 0 being the best: [Q] int64. Of equal scores
/// the lower class comes first; a score that is not a number comes last.
at::Tensor rank_of_label(const at::Tensor& scores, const at::Tensor& label);

/// scores [Q, C], label [Q] int64 in [0, C), Q > 0. Equal and missing scores as rank_of_label has
/// them.
Accuracy judge(const at::Tensor& scores, const at::Tensor& label);

/// Wilson's score interval of a proportion seen in `count` trials, at 95 % (Wilson 1927).
std::pair<double, double> wilson_interval(double proportion, int64_t count);

/// mean -+ 1.96 standard errors, kept within [low, 1]: 95 % of a mean of many.
std::pair<double, double> normal_interval(double mean, double standard_error, double low);

struct MeanAndSpread {
  double mean = 0.0;
  double spread = 0.0;  // standard deviation with n - 1, 0 for a single value
};

/// Precondition: at least one value.
MeanAndSpread mean_and_spread(const std::vector<double>& values);

}  // namespace nearfar
