// Labelled images of a run.
#include "framework/train/labelled_part.h"

#include <torch/types.h>

#include "framework/data/subset.h"
#include "framework/evaluate/features.h"
#include "framework/evaluate/labelled_subset.h"

namespace nearfar {

std::string place_without_label(const Dataset& images) {
  for (int64_t i = 0; i < images.info().size; ++i) {
    if (images.label(i) < 0) return images.place(i);
  }
  return "";
}

std::shared_ptr<const Dataset> labelled_part(const DataParts& data, const DataConfig& config,
                                             uint64_t seed) {
  const std::shared_ptr<const Dataset>& part = data.train;
  const auto classes = static_cast<int64_t>(part->info().class_names.size());
  const std::string without = place_without_label(*part);
  if (!without.empty()) {
    throw DataError(without + ": expected a label to learn from (data.label_fraction), found none");
  }
  const at::Tensor drawn = balanced_draw(labels_of(*part), classes, config.label_fraction, seed);
  const int64_t* first = drawn.data_ptr<int64_t>();
  return subset(part, {first, first + drawn.numel()});
}

}  // namespace nearfar
