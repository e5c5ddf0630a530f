// Views and checks of supervised recipes.
#include "recipes/blocks/supervision.h"

#include <torch/types.h>

#include <string>

namespace nearfar {

ViewPolicy crops_and_flips() {
  ViewPolicy policy;
  policy.jitter = policy.grayscale = policy.blur = 0.0;
  return policy;
}

int64_t classes_to_learn(const DatasetInfo& data) {
  const auto classes = static_cast<int64_t>(data.class_names.size());
  if (classes >= 2) return classes;
  throw DataError(data.path + ": expected labels of at least two classes to learn, found " +
                  std::to_string(classes));
}

void require_labels(const Batch& batch, const DatasetInfo& data) {
  const at::Tensor without = batch.label.lt(0).nonzero();
  if (without.size(0) == 0) return;
  const auto row = without[0][0].item<int64_t>();
  throw DataError(data.path + ": image " + std::to_string(batch.index[row].item<int64_t>()) +
                  " has no label to learn from; data.sampler=balanced leaves such images out");
}

}  // namespace nearfar
