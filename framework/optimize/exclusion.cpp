// Which parameters weight decay and layer-wise adaptation leave out.
#include "framework/optimize/exclusion.h"

#include <torch/types.h>

#include <algorithm>

#include "framework/error.h"

namespace nearfar {

std::string resolve_exclude(const OptimizerConfig& config) {
  if (config.exclude != "auto") return config.exclude;
  return config.name == "sgd" ? "none" : "1d";
}

std::vector<ParameterGroup> with_exclusion(std::vector<ParameterGroup> groups,
                                           const OptimizerConfig& config) {
  const std::string exclude = resolve_exclude(config);
  if (exclude == "1d") return groups;
  if (exclude != "none") {
    throw ConfigError("optimizer.exclude: expected auto, 1d or none, got \"" + exclude + "\"");
  }
  for (ParameterGroup& group : groups) {
    const bool flat = std::all_of(group.parameters.begin(), group.parameters.end(),
                                  [](const auto& parameter) { return parameter.second.dim() < 2; });
    if (!flat) continue;
    group.decay = true;
    group.adapt = true;
  }
  return groups;
}

}  // namespace nearfar
