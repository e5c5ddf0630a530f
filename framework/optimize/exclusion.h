// Which parameters weight decay and layer-wise adaptation leave out.
#pragma once

#include <string>
#include <vector>

#include "framework/optimize/optimizer_config.h"
#include "framework/recipe/recipe.h"

namespace nearfar {

/// optimizer.exclude with "auto" resolved to what the papers of an update rule do: LARS and AdamW
/// leave out biases and norms ("1d": SimCLR, BYOL, MoCo v3, DINO); the methods trained with SGD
/// decay everything ("none": MoCo, SimSiam, NPID).
std::string resolve_exclude(const OptimizerConfig& config);

/// The groups of a recipe under optimizer.exclude: "1d" leaves them as they are; "none" lets those
/// whose parameters all have fewer than two dimensions decay and adapt too. Throws ConfigError for
/// another word.
std::vector<ParameterGroup> with_exclusion(std::vector<ParameterGroup> groups,
                                           const OptimizerConfig& config);

}  // namespace nearfar
