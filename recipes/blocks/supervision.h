// What recipes that learn given labels share: their views, and what they ask of the data.
#pragma once

#include <cstdint>

#include "augment/view_policy.h"
#include "framework/recipe/recipe.h"

namespace nearfar {

/// Crops and flips alone (Chen et al. 2020, appendix B.5: "only random cropping with random
/// left-to-right flipping").
ViewPolicy crops_and_flips();

/// How many classes the data has. Throws DataError for fewer than two, and where an image that the
/// run may show has no label.
int64_t classes_to_learn(const DatasetInfo& data, const TrainPlan& plan);

}  // namespace nearfar
