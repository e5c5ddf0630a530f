// The gradient of loss() is its derivative: finite differences at the embeddings, in float64.
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include <cmath>
#include <functional>

#include "framework/conformance/difference.h"
#include "framework/conformance/law.h"
#include "framework/conformance/named_errors.h"
#include "framework/conformance/short_run.h"
#include "framework/log/quantities.h"

namespace nearfar {
namespace {

// Central differences are off by h^2 / 6 of the third derivative (1e-10) and by rounding, 1e-16 of
// the loss over h (1e-10); a wrong factor or a missing term is off by a part of the gradient.
constexpr double kStep = 1e-5;
constexpr double kTolerance = 1e-5;
constexpr int kDirections = 3;

/// A tensor that loss() depends on, and its gradient.
struct Input {
  std::string name;
  at::Tensor value;
  at::Tensor gradient;
};

at::Tensor direction_of(const at::Tensor& like, int number) {
  Random random(5, static_cast<uint64_t>(number), 0, Purpose::recipe, 3);
  const at::Tensor direction = at::empty(like.sizes(), at::kDouble);
  double* data = direction.data_ptr<double>();
  for (int64_t i = 0; i < direction.numel(); ++i) data[i] = random.normal();
  return direction / direction.norm();
}

/// Derivative of `loss` along `direction` of an input, whose values are moved and put back.
double difference_quotient(const Input& input, const at::Tensor& direction, double step,
                           const std::function<double()>& loss) {
  const at::NoGradGuard no_grad;
  const at::Tensor before = input.value.clone();
  input.value.add_(direction, step);
  const double above = loss();
  input.value.copy_(before).sub_(direction, step);
  const double below = loss();
  input.value.copy_(before);
  return (above - below) / (2.0 * step);
}

/// The difference relative to the gradient of a direction as large as this one usually is.
double deviation_along(const Input& input, int number, const std::function<double()>& loss,
                       std::pair<double, double>& values) {
  const at::Tensor direction = direction_of(input.value, number);
  const double given = (input.gradient * direction).sum().item<double>();
  const double usual = input.gradient.norm().item<double>() /
                       std::sqrt(static_cast<double>(std::max<int64_t>(1, direction.numel())));
  double least = INFINITY;
  // A kink of the loss (a hinge) between the two points is none between nearer ones.
  for (const double step : {kStep, kStep / 10.0}) {
    const double quotient = difference_quotient(input, direction, step, loss);
    const double scale = std::max({std::abs(given), std::abs(quotient), usual, 1e-6});
    const double deviation = std::abs(given - quotient) / scale;
    if (deviation < least) {
      least = deviation;
      values = {quotient, given};
    }
    if (least <= kTolerance) break;
  }
  return least;
}

/// Embeddings as leaves, and the recipe's parameters that the loss reaches from there.
std::vector<Input> inputs_of(ShortRun& run, const Batch& batch, Embeddings& leaves) {
  for (const at::Tensor& embedding : run.embed(batch)) {
    leaves.push_back(embedding.detach().clone().requires_grad_(embedding.requires_grad()));
  }
  Recipe& recipe = run.recipe().inner();
  for (at::Tensor& parameter : recipe.parameters()) parameter.mutable_grad() = at::Tensor();
  const at::Tensor value = run.recipe().loss(leaves, batch).value;
  TORCH_CHECK(value.scalar_type() == at::kDouble,
              "loss(): expected float64 of float64 embeddings, found ", value.scalar_type(),
              ": a loss that rounds cannot be checked, nor compared over ranks");
  named_errors("the gradient of loss()", [&] { value.backward(); });
  std::vector<Input> inputs;
  for (size_t e = 0; e < leaves.size(); ++e) {
    if (!leaves[e].requires_grad()) continue;
    const at::Tensor& gradient = leaves[e].grad();
    inputs.push_back({"embedding " + std::to_string(e), leaves[e],
                      gradient.defined() ? gradient : at::zeros_like(leaves[e])});
  }
  for (const auto& item : recipe.named_parameters()) {
    if (!item.value().grad().defined()) continue;
    inputs.push_back({item.key(), item.value(), item.value().grad()});
  }
  return inputs;
}

Finding examine_gradient(const Subject& subject) {
  SoloGroup group;
  ShortRun run(subject, {.small = {.batch = 12}}, group);
  for (int step = 0; step < 3; ++step) run.step();  // a queue holds keys by now
  const Batch batch = run.next_batch();
  Embeddings leaves;
  const std::vector<Input> inputs = inputs_of(run, batch, leaves);
  const auto loss = [&] { return run.recipe().loss(leaves, batch).value.item<double>(); };
  const double once = loss(), twice = loss();
  if (once != twice) {
    return {Verdict::broken,
            "loss() is not repeatable: of the same embeddings and batch, " + to_words(once, twice)};
  }
  double worst = 0.0;
  for (const Input& input : inputs) {
    for (int number = 0; number < kDirections; ++number) {
      std::pair<double, double> values;
      const double deviation = deviation_along(input, number, loss, values);
      worst = std::max(worst, deviation);
      if (deviation <= kTolerance) continue;
      return {Verdict::broken,
              "the gradient of loss() at " + input.name +
                  " is not its derivative: along a direction, finite differences give " +
                  format_significant(values.first, 6) + ", the gradient " +
                  format_significant(values.second, 6) + " (a relative difference of " +
                  format_significant(deviation, 2) + ", at most " +
                  format_significant(kTolerance, 2) +
                  "); what shall have no gradient is detached in embed(), not in loss()"};
    }
  }
  return {Verdict::holds, "finite differences along " + std::to_string(kDirections) +
                              " directions at each of " + std::to_string(inputs.size()) +
                              " inputs: largest difference " + format_significant(worst, 2) +
                              ", at most " + format_significant(kTolerance, 2)};
}

}  // namespace

const Law kGradientLaw{"gradient", "the gradient of loss() is its derivative", examine_gradient};

}  // namespace nearfar
