// Drawing of permutations.
#include "framework/data/batch_permutation.h"

#include <numeric>
#include <utility>

#include "augment/random.h"

namespace nearfar {

std::vector<int64_t> batch_permutation(uint64_t seed, int64_t epoch, int64_t first_item,
                                       int64_t total) {
  std::vector<int64_t> rows(static_cast<size_t>(total));
  std::iota(rows.begin(), rows.end(), int64_t{0});
  Random random(seed, static_cast<uint64_t>(epoch), static_cast<uint64_t>(first_item),
                Purpose::permutation);
  for (int64_t i = total - 1; i > 0; --i) std::swap(rows[i], rows[random.below(i + 1)]);
  return rows;
}

}  // namespace nearfar
