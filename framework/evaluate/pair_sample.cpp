// Pairs of images of the same class and of different classes.
#include "framework/evaluate/pair_sample.h"

#include <torch/types.h>

#include <algorithm>
#include <numeric>
#include <unordered_set>

#include "framework/evaluate/random_streams.h"

namespace nearfar {
namespace {

/// `count` distinct numbers below `size`, ascending (Floyd's algorithm); all when there are not
/// more.
std::vector<int64_t> distinct_below(int64_t size, int64_t count, Random random) {
  std::vector<int64_t> numbers;
  if (count >= size) {
    numbers.resize(size);
    std::iota(numbers.begin(), numbers.end(), int64_t{0});
    return numbers;
  }
  std::unordered_set<int64_t> taken;
  for (int64_t last = size - count; last < size; ++last) {
    const int64_t drawn = random.below(last + 1);
    const int64_t number = taken.insert(drawn).second ? drawn : last;
    if (number == last) taken.insert(last);
    numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

/// Images in the order of their classes. The pairs of image i are, in that order, those with the
/// rest of its class, from i + 1 to end[i], and those with all later classes, from end[i] on.
struct ClassOrder {
  std::vector<int64_t> position;
  std::vector<int64_t> end;
};

ClassOrder order_by_class(const at::Tensor& label) {
  const at::Tensor labels = label.contiguous();
  const int64_t* value = labels.data_ptr<int64_t>();
  ClassOrder order;
  order.position.resize(labels.size(0));
  std::iota(order.position.begin(), order.position.end(), int64_t{0});
  std::stable_sort(order.position.begin(), order.position.end(),
                   [&](int64_t a, int64_t b) { return value[a] < value[b]; });
  order.end.resize(order.position.size());
  int64_t end = labels.size(0);
  for (int64_t i = labels.size(0) - 1; i >= 0; --i) {
    if (i + 1 < labels.size(0) && value[order.position[i]] != value[order.position[i + 1]]) {
      end = i + 1;
    }
    order.end[i] = end;
  }
  return order;
}

/// Draws among the pairs of (i, begin(i) + 0 .. partners(i) - 1) over all i.
template <typename Begin, typename End>
std::vector<Pair> draw(const ClassOrder& order, int64_t most, Random random, int64_t& all,
                       const Begin& begin, const End& end) {
  const int64_t images = static_cast<int64_t>(order.position.size());
  std::vector<int64_t> before{0};  // pairs of the images before each
  for (int64_t i = 0; i < images; ++i) before.push_back(before.back() + end(i) - begin(i));
  all = before.back();
  std::vector<Pair> pairs;
  for (const int64_t number : distinct_below(all, most, random)) {
    const auto after = std::upper_bound(before.begin(), before.end(), number);
    const int64_t i = after - before.begin() - 1;
    const int64_t partner = begin(i) + number - before[i];
    pairs.push_back({order.position[i], order.position[partner]});
  }
  return pairs;
}

}  // namespace

PairSample sample_pairs(const at::Tensor& label, int64_t most, uint64_t seed) {
  TORCH_CHECK(label.dim() == 1 && label.scalar_type() == at::kLong,
              "sample_pairs: expected label [N] int64, got ", label.scalar_type(), " ",
              label.sizes());
  const ClassOrder order = order_by_class(label);
  const int64_t images = label.size(0);
  const auto own_end = [&](int64_t i) { return order.end[i]; };
  PairSample sample;
  sample.positives = draw(
      order, most, evaluation_random(seed, 0, EvaluationStream::positives), sample.all_positives,
      [](int64_t i) { return i + 1; }, own_end);
  sample.negatives = draw(order, most, evaluation_random(seed, 0, EvaluationStream::negatives),
                          sample.all_negatives, own_end, [&](int64_t) { return images; });
  return sample;
}

}  // namespace nearfar
