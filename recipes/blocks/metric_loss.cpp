// Losses of supervised metric learning by name.
#include "recipes/blocks/metric_loss.h"

#include <algorithm>

#include "framework/error.h"

namespace nearfar {
namespace {

MetricLossList all_losses() {
  MetricLossList all;
  for (const MetricLossList* family : {&class_metric_losses(), &pair_metric_losses(),
                                       &n_pair_metric_losses(), &target_metric_losses()}) {
    all.insert(all.end(), family->begin(), family->end());
  }
  return all;
}

}  // namespace

void MetricLoss::after_step(const at::Tensor&, const Batch&) {}

const std::vector<std::string>& metric_loss_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> made;
    for (const auto& [name, maker] : all_losses()) made.push_back(name);
    return made;
  }();
  return names;
}

std::shared_ptr<MetricLoss> make_metric_loss(const MetricLossSetup& setup) {
  const MetricLossList all = all_losses();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const auto& one) { return one.first == setup.config.loss; });
  if (found == all.end()) throw ConfigError("recipe.loss: unknown loss " + setup.config.loss);
  return found->second(setup);
}

}  // namespace nearfar
