// The order and the length of an epoch.
#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "augment/random.h"
#include "framework/data/loader.h"

namespace nearfar {

int64_t steps_per_epoch(int64_t dataset_size, int64_t batch, bool drop_last) {
  if (batch < 1) {
    throw ConfigError("train.batch: expected at least 1, found " + std::to_string(batch));
  }
  const int64_t steps = drop_last ? dataset_size / batch : (dataset_size + batch - 1) / batch;
  if (steps > 0) return steps;
  if (dataset_size == 0) throw DataError("the data set is empty: an epoch has no batch");
  throw DataError("the data set has " + std::to_string(dataset_size) +
                  " images, fewer than one batch of " + std::to_string(batch) +
                  ": an epoch has no batch; choose a smaller train.batch or data.drop_last=false");
}

std::vector<int64_t> epoch_order(uint64_t seed, int64_t epoch, int64_t size) {
  std::vector<int64_t> order(static_cast<size_t>(size));
  std::iota(order.begin(), order.end(), int64_t{0});
  Random random(seed, static_cast<uint64_t>(epoch), 0, Purpose::order);
  for (int64_t i = size - 1; i > 0; --i) std::swap(order[i], order[random.below(i + 1)]);
  return order;
}

int resolve_workers(int64_t workers, int cores) {
  if (workers > 0) return static_cast<int>(workers);
  return static_cast<int>(std::clamp(cores, 1, 8));
}

}  // namespace nearfar
