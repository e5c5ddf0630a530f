// How good predictions are: top-1, top-5, accuracy by class, and how sure that is.
#include "framework/evaluate/scores.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace nearfar {
namespace {

constexpr double kNormal975 = 1.959963984540054;  // 97.5 % point of the standard normal

/// A score that is not a number loses against all others.
at::Tensor known_scores(const at::Tensor& scores) {
  return scores.nan_to_num(-std::numeric_limits<double>::infinity());
}

}  // namespace

at::Tensor rank_of_label(const at::Tensor& scores, const at::Tensor& label) {
  const at::NoGradGuard no_grad;
  TORCH_CHECK(scores.dim() == 2 && label.dim() == 1 && label.size(0) == scores.size(0) &&
                  label.scalar_type() == at::kLong,
              "rank_of_label: expected scores [Q, C] and label [Q] int64, got ", scores.sizes(),
              " and ", label.scalar_type(), " ", label.sizes());
  const at::Tensor known = known_scores(scores);
  const at::Tensor column = label.unsqueeze(1);
  const at::Tensor own = known.gather(1, column);
  const at::Tensor earlier = at::arange(scores.size(1), label.options()).unsqueeze(0) < column;
  return (known > own).logical_or_((known == own).logical_and_(earlier)).sum(1);
}

Accuracy judge(const at::Tensor& scores, const at::Tensor& label) {
  const at::Tensor rank = rank_of_label(scores, label);
  TORCH_CHECK(rank.size(0) > 0, "judge: expected at least one image, got none");
  const int64_t* ranks = rank.data_ptr<int64_t>();
  const at::Tensor labels = label.contiguous();
  const int64_t* classes = labels.data_ptr<int64_t>();
  Accuracy result;
  result.count = rank.size(0);
  result.prediction = known_scores(scores).argmax(1);
  std::vector<int64_t> images(scores.size(1), 0);
  std::vector<int64_t> right(scores.size(1), 0);
  int64_t first = 0;
  int64_t among_five = 0;
  for (int64_t i = 0; i < result.count; ++i) {
    ++images[classes[i]];
    right[classes[i]] += ranks[i] == 0;
    first += ranks[i] == 0;
    among_five += ranks[i] < 5;
  }
  result.top1 = static_cast<double>(first) / static_cast<double>(result.count);
  result.top5 = static_cast<double>(among_five) / static_cast<double>(result.count);
  for (size_t c = 0; c < images.size(); ++c) {
    result.per_class.push_back(images[c] == 0 ? std::numeric_limits<double>::quiet_NaN()
                                              : static_cast<double>(right[c]) /
                                                    static_cast<double>(images[c]));
  }
  return result;
}

std::pair<double, double> wilson_interval(double proportion, int64_t count) {
  TORCH_CHECK(count > 0 && proportion >= 0.0 && proportion <= 1.0,
              "wilson_interval: expected a proportion in [0, 1] of at least one trial, got ",
              proportion, " of ", count);
  constexpr double z = kNormal975;
  const double n = static_cast<double>(count);
  const double denominator = 1.0 + z * z / n;
  const double centre = (proportion + z * z / (2.0 * n)) / denominator;
  const double half =
      z * std::sqrt(proportion * (1.0 - proportion) / n + z * z / (4.0 * n * n)) / denominator;
  return {std::max(0.0, centre - half), std::min(1.0, centre + half)};
}

std::pair<double, double> normal_interval(double mean, double standard_error, double low) {
  const double half = kNormal975 * standard_error;
  return {std::max(low, mean - half), std::min(1.0, mean + half)};
}

MeanAndSpread mean_and_spread(const std::vector<double>& values) {
  TORCH_CHECK(!values.empty(), "mean_and_spread: expected at least one value, got none");
  MeanAndSpread result;
  const double n = static_cast<double>(values.size());
  // Divided once: nine times 1 / 9 is more than 1, which no proportion may be.
  for (const double value : values) result.mean += value;
  result.mean /= n;
  if (values.size() == 1) return result;
  double squares = 0.0;
  for (const double value : values) squares += (value - result.mean) * (value - result.mean);
  result.spread = std::sqrt(squares / (n - 1.0));
  return result;
}

}  // namespace nearfar
