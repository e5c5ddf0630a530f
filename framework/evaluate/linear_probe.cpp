// The linear protocol: standardised features, L2 strength chosen on held-out labels, refit on all
// of them.
#include "framework/evaluate/linear_probe.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "framework/evaluate/labelled_subset.h"
#include "framework/evaluate/logistic_regression.h"

namespace nearfar {
namespace {

/// One held-out part with the fit of the latest strength.
struct Part {
  at::Tensor fit;
  at::Tensor fit_label;
  at::Tensor held_out;
  at::Tensor held_out_label;
  std::optional<LogisticRegression> model;
};

std::vector<Part> make_parts(const at::Tensor& train, const at::Tensor& label, int64_t classes,
                             const LinearProbeConfig& config, uint64_t seed) {
  std::vector<HeldOut> folds = stratified_folds(label, classes, config.folds, seed);
  if (label.size(0) > config.all_folds_up_to && !folds.empty()) folds.resize(1);
  std::vector<Part> parts;
  for (const HeldOut& fold : folds) {
    const at::Tensor fit = train.index_select(0, fold.fit);
    const Standardizer by = standardizer(fit);
    parts.push_back({standardize(by, fit), label.index_select(0, fold.fit),
                     standardize(by, train.index_select(0, fold.held_out)),
                     label.index_select(0, fold.held_out), std::nullopt});
  }
  return parts;
}

LogisticRegression fit(const at::Tensor& features, const at::Tensor& label, int64_t classes,
                       const LogisticRegressionOptions& options,
                       const std::optional<LogisticRegression>& start) {
  return fit_logistic_regression(features, label, classes, options, start ? &*start : nullptr);
}

/// Held-out top-1 over all parts at one strength.
double held_out_accuracy(std::vector<Part>& parts, int64_t classes,
                         const LogisticRegressionOptions& options) {
  int64_t right = 0;
  int64_t count = 0;
  for (Part& part : parts) {
    part.model = fit(part.fit, part.fit_label, classes, options, part.model);
    const at::Tensor rank = rank_of_label(logits(*part.model, part.held_out), part.held_out_label);
    right += (rank == 0).sum().item<int64_t>();
    count += rank.size(0);
  }
  return static_cast<double>(right) / static_cast<double>(count);
}

/// Walks from strong to weak; fills the choice into `result` and returns a fit near it to start
/// from.
LogisticRegression choose_l2(std::vector<Part>& parts, int64_t classes,
                             const LinearProbeConfig& config, const Choose& choose,
                             LinearProbeResult& result) {
  std::vector<LogisticRegression> fits;
  double best = -1.0;
  int64_t without_gain = 0;
  for (const double l2 : l2_grid(config)) {
    if (without_gain == config.patience) break;
    const double accuracy =
        held_out_accuracy(parts, classes, {l2, config.search_tolerance, config.search_iterations});
    result.tried.push_back(l2);
    result.held_out.push_back(accuracy);
    fits.push_back(*parts.front().model);
    without_gain = accuracy > best ? 0 : without_gain + 1;
    best = std::max(best, accuracy);
  }
  const size_t chosen = choose(result.held_out);
  result.l2 = result.tried.at(chosen);
  return fits[chosen];
}

}  // namespace

Standardizer standardizer(const at::Tensor& features) {
  const at::NoGradGuard no_grad;
  const auto [deviation, mean] = at::std_mean(features, {0}, /*unbiased=*/false);
  return {mean, at::where(deviation > 0, deviation, at::ones_like(deviation))};
}

at::Tensor standardize(const Standardizer& by, const at::Tensor& features) {
  const at::NoGradGuard no_grad;
  return (features - by.mean).div_(by.scale);
}

std::vector<double> l2_grid(const LinearProbeConfig& config) {
  TORCH_CHECK(config.l2_strongest >= config.l2_weakest,
              "linear probe: expected l2_strongest >= l2_weakest, got ", config.l2_strongest,
              " and ", config.l2_weakest);
  const double decades = std::log10(config.l2_strongest / config.l2_weakest);
  const int64_t steps =
      std::llround(std::ceil(decades * static_cast<double>(config.steps_per_decade) - 1e-9));
  std::vector<double> grid{config.l2_strongest};
  for (int64_t i = 1; i <= steps; ++i) {
    grid.push_back(config.l2_strongest *
                   std::pow(10.0, -decades * static_cast<double>(i) / static_cast<double>(steps)));
  }
  return grid;
}

LinearProbeResult linear_probe(const at::Tensor& train, const at::Tensor& train_label,
                               const at::Tensor& test, const at::Tensor& test_label,
                               int64_t classes, const LinearProbeConfig& config, uint64_t seed,
                               const Choose& choose) {
  const at::NoGradGuard no_grad;
  LinearProbeResult result;
  result.l2 = config.l2_strongest;
  std::optional<LogisticRegression> start;
  {
    std::vector<Part> parts = make_parts(train, train_label, classes, config, seed);
    result.parts = static_cast<int64_t>(parts.size());
    if (!parts.empty()) start = choose_l2(parts, classes, config, choose, result);
  }
  const Standardizer by = standardizer(train);
  const LogisticRegression model = fit(standardize(by, train), train_label, classes,
                                       {result.l2, config.tolerance, config.max_iterations}, start);
  result.gradient_norm = model.gradient_norm;
  result.iterations = model.iterations;
  result.converged = model.converged;
  result.accuracy = judge(logits(model, standardize(by, test)), test_label);
  return result;
}

}  // namespace nearfar
