// From the optimiser's settings to the numbers of its rule.
#pragma once

#include "framework/optimize/optimizer_config.h"
#include "framework/optimize/update_rule.h"

namespace nearfar {

/// Throws ConfigError naming the key, for unknown words and settings that mean nothing together.
Rule rule_of(const OptimizerConfig& config);

}  // namespace nearfar
