// Receiver operating characteristic of scores that accept or reject.
#include "framework/evaluate/roc.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <stdexcept>
#include <string>

namespace nearfar {

RocCurve roc_curve(std::vector<double> positives, std::vector<double> negatives) {
  if (positives.empty() || negatives.empty()) {
    throw std::invalid_argument("roc_curve: expected positives and negatives, got " +
                                std::to_string(positives.size()) + " and " +
                                std::to_string(negatives.size()));
  }
  std::sort(positives.begin(), positives.end(), std::greater<>());
  std::sort(negatives.begin(), negatives.end(), std::greater<>());
  RocCurve curve;
  curve.positives = static_cast<int64_t>(positives.size());
  curve.negatives = static_cast<int64_t>(negatives.size());
  OperatingPoint point;
  curve.points.push_back(point);
  size_t p = 0;
  size_t n = 0;
  while (p < positives.size() || n < negatives.size()) {
    const bool positive_next =
        n == negatives.size() || (p < positives.size() && positives[p] >= negatives[n]);
    point.threshold = positive_next ? positives[p] : negatives[n];
    while (p < positives.size() && positives[p] == point.threshold) ++p;
    while (n < negatives.size() && negatives[n] == point.threshold) ++n;
    point.accepted_positives = static_cast<int64_t>(p);
    point.accepted_negatives = static_cast<int64_t>(n);
    curve.points.push_back(point);
  }
  return curve;
}

double auc(const RocCurve& curve) {
  double doubled = 0.0;  // whole numbers: exact up to 2^53
  for (size_t i = 1; i < curve.points.size(); ++i) {
    const OperatingPoint& before = curve.points[i - 1];
    const OperatingPoint& point = curve.points[i];
    const auto negatives = point.accepted_negatives - before.accepted_negatives;
    doubled += static_cast<double>(negatives) *
               static_cast<double>(before.accepted_positives + point.accepted_positives);
  }
  return 0.5 * doubled / static_cast<double>(curve.positives) /
         static_cast<double>(curve.negatives);
}

double equal_error_rate(const RocCurve& curve) {
  const auto excess = [&](const OperatingPoint& point) {
    return 1.0 - curve.tar(point) - curve.far(point);
  };
  // From 1 at the first point to -1 at the last.
  size_t i = 1;
  while (excess(curve.points[i]) > 0.0) ++i;
  const double before = excess(curve.points[i - 1]);
  const double after = excess(curve.points[i]);
  const double share = before / (before - after);
  const double from = curve.far(curve.points[i - 1]);
  return from + share * (curve.far(curve.points[i]) - from);
}

std::optional<OperatingPoint> point_at_far(const RocCurve& curve, double far) {
  // 0.001 of 1,000 is one, whatever the product rounds to.
  const double allowed = far * static_cast<double>(curve.negatives) * (1.0 + 1e-12);
  if (allowed < 1.0) return std::nullopt;
  const auto beyond = std::partition_point(
      curve.points.begin(), curve.points.end(), [&](const OperatingPoint& point) {
        return static_cast<double>(point.accepted_negatives) <= allowed;
      });
  return *std::prev(beyond);
}

std::vector<std::pair<double, double>> outline(const RocCurve& curve, int64_t count) {
  std::vector<std::pair<double, double>> result;
  const auto add = [&](const OperatingPoint& point) {
    const std::pair<double, double> next{curve.far(point), curve.tar(point)};
    if (result.empty() || next != result.back()) result.push_back(next);
  };
  const auto some = std::partition_point(
      curve.points.begin(), curve.points.end(),
      [](const OperatingPoint& point) { return point.accepted_negatives == 0; });
  add(*std::prev(some));
  const double decades = std::log10(static_cast<double>(curve.negatives));
  for (int64_t i = 0; i < count; ++i) {
    const double share = static_cast<double>(i + 1) / static_cast<double>(count);
    add(*point_at_far(curve, std::pow(10.0, decades * (share - 1.0))));
  }
  return result;
}

}  // namespace nearfar
