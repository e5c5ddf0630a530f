// Receiver operating characteristic of scores that accept or reject.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace nearfar {

/// Accepting every score >= threshold.
struct OperatingPoint {
  double threshold = std::numeric_limits<double>::infinity();
  int64_t accepted_positives = 0;
  int64_t accepted_negatives = 0;
};

/// One point for each distinct score, thresholds descending, after the point that accepts nothing.
struct RocCurve {
  std::vector<OperatingPoint> points;
  int64_t positives = 0;
  int64_t negatives = 0;

  double tar(const OperatingPoint& point) const {  // true accepts: share of the positives
    return static_cast<double>(point.accepted_positives) / static_cast<double>(positives);
  }
  double far(const OperatingPoint& point) const {  // false accepts: share of the negatives
    return static_cast<double>(point.accepted_negatives) / static_cast<double>(negatives);
  }
};

/// Both lists non-empty, without NaN; their order does not matter.
RocCurve roc_curve(std::vector<double> positives, std::vector<double> negatives);

/// Area under the curve: the chance that a positive scores above a negative, equal ones counted
/// half (Mann-Whitney), exact.
double auc(const RocCurve& curve);

/// Equal error rate: FAR where it equals 1 - TAR, on straight lines between operating points.
double equal_error_rate(const RocCurve& curve);

/// The last operating point with FAR <= far, hence the largest TAR, not interpolated. Nothing when
/// there are fewer than 1 / far negatives: such a rate cannot be measured with them.
std::optional<OperatingPoint> point_at_far(const RocCurve& curve, double far);

/// [far, tar] at most `count` + 1 times: the corners (0, .) and (1, 1), and in between points
/// equally spaced in the logarithm of FAR from 1 / negatives on.
std::vector<std::pair<double, double>> outline(const RocCurve& curve, int64_t count);

}  // namespace nearfar
