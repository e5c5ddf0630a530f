// Views and checks of supervised recipes.
#include "recipes/blocks/supervision.h"

#include <string>

#include "framework/error.h"

namespace nearfar {

ViewPolicy crops_and_flips() {
  ViewPolicy policy;
  policy.jitter = policy.grayscale = policy.blur = 0.0;
  return policy;
}

int64_t classes_to_learn(const DatasetInfo& data, const TrainPlan& plan) {
  const auto classes = static_cast<int64_t>(data.class_names.size());
  if (classes < 2) {
    throw DataError(data.path + ": expected labels of at least two classes to learn, found " +
                    std::to_string(classes));
  }
  if (!plan.without_label.empty()) {
    throw DataError(plan.without_label +
                    ": expected a label to learn, found none; data.sampler=balanced leaves such "
                    "images out");
  }
  return classes;
}

}  // namespace nearfar
