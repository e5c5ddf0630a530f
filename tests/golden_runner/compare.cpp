// Compares tensors by the tolerance rules of the golden values.
#include "tests/golden_runner/compare.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace nearfar::golden {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Tolerance read_tolerance(const Json& rule) {
  return {rule.at("rtol").as_double(), rule.at("atol").as_double()};
}

bool is_informational(const std::string& name) { return name.starts_with("u8"); }

Tolerance loosest(const Json& rules) {
  Tolerance found;
  for (const auto& [key, rule] : rules.members()) {
    if (is_informational(key)) continue;
    const Tolerance tolerance = read_tolerance(rule);
    found = {std::max(found.rtol, tolerance.rtol), std::max(found.atol, tolerance.atol)};
  }
  return found;
}

bool is_exact_kind(const at::Tensor& tensor) {
  return at::isIntegralType(tensor.scalar_type(), /*includeBool=*/true);
}

std::string describe(const at::Tensor& tensor) {
  std::string text = std::string(at::toString(tensor.scalar_type())) + " [";
  for (const int64_t size : tensor.sizes()) text += (text.back() == '[' ? "" : ", ") + std::to_string(size);
  return text + "]";
}

/// max |a - b| and max |b|; an unequal or infinite value on either side is infinitely wrong.
std::pair<double, double> largest_difference(const at::Tensor& a, const at::Tensor& b) {
  if (a.numel() == 0) return {0.0, 0.0};
  if (is_exact_kind(b)) {  // through 64 bits: a double cannot tell large integers apart
    const bool equal = at::equal(a.to(at::kLong), b.to(at::kLong));
    const double error = (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
    return {equal ? 0.0 : std::max(error, 1.0), b.to(at::kDouble).abs().max().item<double>()};
  }
  const at::Tensor x = a.to(at::kDouble), y = b.to(at::kDouble);
  if (!at::isfinite(x).all().item<bool>() || !at::isfinite(y).all().item<bool>()) {
    return {kInfinity, 0.0};
  }
  return {(x - y).abs().max().item<double>(), y.abs().max().item<double>()};
}

bool is_required(const std::string& name, const Case& expected, const Json& rules) {
  if (is_informational(name)) return false;
  if (rules.find(name) && name != "all") return true;
  if (name == "loss") return true;
  if (!name.starts_with("grad.") || name.starts_with("grad.unit.")) return false;
  return expected.tensors.contains(name.substr(5));
}

/// How far beyond its tolerance, to find the worst of several tensors.
double excess(double error, double tolerance) {
  if (error == 0.0) return 0.0;
  return tolerance > 0.0 ? error / tolerance : kInfinity;
}

/// Updates the worst so far; returns what is wrong, or nothing.
std::string compare_tensor(const std::string& name, const at::Tensor& want, const at::Tensor& got,
                           const Json& rules, Comparison& result) {
  ++result.compared;
  if (got.sizes() != want.sizes() || is_exact_kind(got) != is_exact_kind(want)) {
    return name + " is " + describe(got) + ", expected " + describe(want);
  }
  const Tolerance allowed = tolerance_of(name, is_exact_kind(want), rules);
  const auto [error, magnitude] = largest_difference(got.detach().cpu(), want);
  const double tolerance = allowed.atol + allowed.rtol * magnitude;
  if (result.worst.empty() || excess(error, tolerance) > excess(result.error, result.tolerance)) {
    result.worst = name;
    result.error = error;
    result.tolerance = tolerance;
  }
  if (std::isinf(error)) return name + " holds values that are not finite";
  return error > tolerance ? name + " is beyond its tolerance" : "";
}

}  // namespace

Tolerance tolerance_of(const std::string& name, bool exact_kind, const Json& rules) {
  if (const Json* own = name == "all" && exact_kind ? nullptr : rules.find(name)) {
    return read_tolerance(*own);
  }
  if (exact_kind) return {};
  if (name.starts_with("grad") && rules.find("grad")) return read_tolerance(rules.at("grad"));
  if (rules.find("all")) return read_tolerance(rules.at("all"));
  if (rules.find("loss") && rules.find("grad")) return read_tolerance(rules.at("loss"));
  return loosest(rules);
}

Comparison compare(const Case& expected, const Json& rules, const Tensors& computed) {
  Comparison result;
  for (const auto& [name, want] : expected.tensors) {
    const auto got = computed.find(name);
    std::string complaint;
    if (got != computed.end()) {
      complaint = compare_tensor(name, want, got->second, rules, result);
    } else if (is_required(name, expected, rules)) {
      complaint = name + " was not computed";
    }
    if (result.complaint.empty()) result.complaint = std::move(complaint);  // the first one is told
  }
  if (result.compared == 0 && result.complaint.empty()) result.complaint = "nothing was compared";
  return result;
}

}  // namespace nearfar::golden
