// Comparing named tensors.
#include "framework/conformance/difference.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "framework/log/quantities.h"

namespace nearfar {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();
constexpr double kSmallest = 1e-3;

double largest_of(const at::Tensor& values) {
  return values.numel() == 0 ? 0.0 : values.abs().max().item<double>();
}

Difference difference_of(const std::string& name, const at::Tensor& expected,
                         const at::Tensor& found, double least) {
  if (expected.sizes() != found.sizes()) return {name, kInfinite, 0.0, 0.0};
  if (expected.numel() == 0) return {name, 0.0, 0.0, 0.0};
  const at::Tensor wanted = expected.to(at::kDouble).flatten(),
                   got = found.to(at::kDouble).flatten();
  const at::Tensor differences = (got - wanted).abs().nan_to_num(kInfinite);
  const auto worst = differences.argmax().item<int64_t>();
  const double scale = expected.is_floating_point() ? std::max(least, largest_of(wanted)) : 1.0;
  const double relative = differences[worst].item<double>() / scale;
  return {name, std::isnan(relative) ? kInfinite : relative, wanted[worst].item<double>(),
          got[worst].item<double>()};
}

}  // namespace

Difference worst_difference(const NamedTensors& expected, const NamedTensors& found, double least) {
  if (expected.size() != found.size()) {
    return {"the number of tensors", kInfinite, static_cast<double>(expected.size()),
            static_cast<double>(found.size())};
  }
  Difference worst;
  for (size_t i = 0; i < expected.size(); ++i) {
    const Difference difference =
        difference_of(expected[i].first, expected[i].second, found[i].second, least);
    if (worst.name.empty() || difference.relative > worst.relative) worst = difference;
  }
  return worst;
}

Difference worst_gradient(const NamedTensors& expected, const NamedTensors& found) {
  double largest = 0.0;
  for (const auto& [name, values] : expected) largest = std::max(largest, largest_of(values));
  return worst_difference(expected, found, std::max(kSmallest * largest, 1e-300));
}

double relative_difference(double expected, double found) {
  const double difference = std::abs(found - expected) / std::max(std::abs(expected), kSmallest);
  return std::isnan(difference) ? kInfinite : difference;
}

std::string first_other_bits(const NamedTensors& expected, const NamedTensors& found) {
  if (expected.size() != found.size()) return "the number of tensors";
  for (size_t i = 0; i < expected.size(); ++i) {
    if (!expected[i].second.equal(found[i].second)) return expected[i].first;
  }
  return "";
}

NamedTensors copies_of(const NamedTensors& tensors) {
  NamedTensors copies;
  for (const auto& [name, tensor] : tensors) copies.emplace_back(name, tensor.detach().clone());
  return copies;
}

std::string to_words(double expected, double found) {
  return "expected " + format_significant(expected, 6) + ", found " + format_significant(found, 6);
}

}  // namespace nearfar
