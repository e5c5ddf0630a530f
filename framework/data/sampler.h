// Which images the batches of an epoch hold: shuffled, or balanced over the classes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/data/dataset.h"

namespace nearfar {

struct SamplerPlan {
  bool balanced = false;
  int64_t batch = 0;  // global
  bool drop_last = true;
  // Of balanced batches, which hold batch = classes_per_batch * images_per_class images.
  int64_t classes_per_batch = 0;
  int64_t images_per_class = 0;
};

/// The order of every epoch, a pure function of (seed, epoch): ranks, workers and restarts have no
/// say in it.
///
/// Shuffled: epoch_order(), every image once.
///
/// Balanced: max(1, size / batch) whole batches, whatever drop_last says. Every batch holds
/// classes_per_batch different classes, images_per_class images of each, in random order. Classes
/// take turns, so that in an epoch none comes up more than once more than another; and so do the
/// images of a class: none comes again before all have been seen. A class of fewer images than
/// images_per_class repeats them as evenly as it can; the others put different images into a batch.
/// Images without a label are left out.
class EpochSampler {
 public:
  /// Throws ConfigError where balanced batches do not fit the plan or the classes of the set.
  EpochSampler(const Dataset& data, const SamplerPlan& plan);

  /// Throws DataError like the function of that name.
  int64_t steps_per_epoch() const;
  std::vector<int64_t> order(uint64_t seed, int64_t epoch) const;

  /// Expected number of different images that an epoch's batches hold, out of the size of the set.
  double images_seen() const;
  /// Balanced batches in words, and what they repeat or leave out; empty for shuffled ones.
  std::string words() const;

 private:
  int64_t classes() const { return static_cast<int64_t>(members_.size()); }
  int64_t small_classes() const;
  std::vector<int64_t> balanced_order(uint64_t seed, int64_t epoch) const;

  SamplerPlan plan_;
  int64_t size_;
  int64_t unlabelled_ = 0;
  std::vector<std::vector<int64_t>> members_;  // of each class that has any, ascending
};

}  // namespace nearfar
