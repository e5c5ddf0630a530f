// A metric recipe of some settings and a batch, and what it makes of given embeddings.
#pragma once

#include <torch/types.h>

#include <string>
#include <vector>

#include "tests/framework/encoders/module_tensors.h"
#include "tests/recipes/small_recipe.h"

namespace nearfar {

inline constexpr int64_t kMetricWidth = 32;  // of the small encoder's features

struct AskedMetric {
  explicit AskedMetric(std::vector<std::string> settings, int64_t step = 0) {
    settings.emplace_back("view.size=12");
    small = make_small_recipe("metric", settings, plan, group);
    batch = small_batch(plan, step, 1, group);
  }
  Loss loss(const at::Tensor& x) { return small.recipe->loss({x}, batch); }
  at::Tensor own(const std::string& name) { return parameter(*small.recipe, "loss." + name); }

  SoloGroup group;
  SmallPlan plan;
  SmallRecipe small;
  Batch batch;
};

inline at::Tensor metric_embeddings() { return waves({12, kMetricWidth}, 0.4); }

}  // namespace nearfar
