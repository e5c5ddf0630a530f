// Goodness of fit with a known false-alarm rate: distances of samples to distributions, and bounds.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <vector>

namespace nearfar {

/// Seeds are fixed, so a check fails always or never; with a correct sampler it would fail for at
/// most one seed in 1 / kFalseAlarm. The tests of this folder make fewer than 1,000 checks: all of
/// them together fail for less than one seed in a million (Bonferroni). Every bound below is an
/// upper bound for the tail, not an approximation of it; those of chi-square hold for its limit.
inline constexpr double kFalseAlarm = 1e-9;

/// Kolmogorov and Smirnov's distance between samples and a continuous distribution function.
inline double distance_to(std::vector<double> samples,
                          const std::function<double(double)>& distribution) {
  std::sort(samples.begin(), samples.end());
  const auto count = static_cast<double>(samples.size());
  double distance = 0.0;
  for (size_t i = 0; i < samples.size(); ++i) {
    const double expected = distribution(samples[i]);
    distance = std::max({distance, std::abs(expected - static_cast<double>(i) / count),
                         std::abs(expected - static_cast<double>(i + 1) / count)});
  }
  return distance;
}

/// The distance that `count` samples exceed with probability `false_alarm` at most (Dvoretzky,
/// Kiefer and Wolfowitz 1956 with Massart's constant, 1990; any distribution).
inline double distance_bound(size_t count, double false_alarm = kFalseAlarm) {
  return std::sqrt(std::log(2.0 / false_alarm) / (2.0 * static_cast<double>(count)));
}

inline bool fits(const std::vector<double>& samples,
                 const std::function<double(double)>& distribution) {
  return distance_to(samples, distribution) < distance_bound(samples.size());
}

inline bool fits_uniform(const std::vector<double>& samples, double low, double high) {
  const auto [least, most] = std::minmax_element(samples.begin(), samples.end());
  return low <= *least && *most <= high &&
         fits(samples, [=](double x) { return (x - low) / (high - low); });
}

/// Whether two sets of samples may come from one distribution, whatever it is: each then lies
/// within its own bound of it.
inline bool fits_samples(std::vector<double> a, std::vector<double> b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  double distance = 0.0;
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    const double value = std::min(a[i], b[j]);
    while (i < a.size() && a[i] == value) ++i;
    while (j < b.size() && b[j] == value) ++j;
    distance = std::max(distance, std::abs(static_cast<double>(i) / static_cast<double>(a.size()) -
                                           static_cast<double>(j) / static_cast<double>(b.size())));
  }
  return distance <
         distance_bound(a.size(), kFalseAlarm / 2) + distance_bound(b.size(), kFalseAlarm / 2);
}

/// Whether counts of cells fit their probabilities, which sum to 1: chi-square below Laurent and
/// Massart's bound of its tail (2000, lemma 1). Precondition: no cell expects less than 20.
inline bool fits_cells(const std::map<int, int>& counts, const std::map<int, double>& shares,
                       int total) {
  double sum = 0.0;
  for (const auto& [cell, share] : shares) {
    const auto found = counts.find(cell);
    const double difference = (found == counts.end() ? 0 : found->second) - share * total;
    sum += difference * difference / (share * total);
  }
  for (const auto& count : counts) {
    if (!shares.contains(count.first)) return false;
  }
  const double freedom = static_cast<double>(shares.size()) - 1.0;
  const double t = std::log(1.0 / kFalseAlarm);
  return sum < freedom + 2.0 * std::sqrt(freedom * t) + 2.0 * t;
}

}  // namespace nearfar
