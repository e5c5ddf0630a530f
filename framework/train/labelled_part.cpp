// Labelled images of a run.
#include "framework/train/labelled_part.h"

#include <torch/types.h>

#include "framework/data/subset.h"
#include "framework/evaluate/labelled_subset.h"

namespace nearfar {

std::shared_ptr<const Dataset> labelled_part(const DataParts& data, const DataConfig& config,
                                             uint64_t seed) {
  const std::shared_ptr<const Dataset>& part = data.train;
  const auto classes = static_cast<int64_t>(part->info().class_names.size());
  std::vector<int64_t> labels;
  for (int64_t i = 0; i < part->info().size; ++i) {
    labels.push_back(part->label(i));
    if (labels.back() >= 0 && labels.back() < classes) continue;
    throw DataError(part->place(i) + ": expected a label to learn from (data.label_fraction), " +
                    "found none");
  }
  const at::Tensor drawn =
      balanced_draw(at::tensor(labels, at::kLong), classes, config.label_fraction, seed);
  const int64_t* first = drawn.data_ptr<int64_t>();
  return subset(part, {first, first + drawn.numel()});
}

}  // namespace nearfar
