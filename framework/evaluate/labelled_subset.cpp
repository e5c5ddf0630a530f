// Which training labels an evaluation may use, and which of those it holds out to choose settings.
#include "framework/evaluate/labelled_subset.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "framework/evaluate/random_streams.h"

namespace nearfar {
namespace {

void shuffle(std::vector<int64_t>& values, Random random) {
  for (size_t i = values.size(); i > 1; --i) {
    std::swap(values[i - 1], values[random.below(static_cast<int64_t>(i))]);
  }
}

/// Positions of each class, shuffled.
std::vector<std::vector<int64_t>> shuffled_classes(const at::Tensor& label, int64_t classes,
                                                   uint64_t seed, EvaluationStream stream) {
  TORCH_CHECK(label.dim() == 1 && label.scalar_type() == at::kLong,
              "labelled subset: expected label [N] int64, got ", label.scalar_type(), " ",
              label.sizes());
  std::vector<std::vector<int64_t>> members(classes);
  const at::Tensor labels = label.contiguous();
  const int64_t* values = labels.data_ptr<int64_t>();
  for (int64_t i = 0; i < labels.size(0); ++i) {
    TORCH_CHECK(values[i] >= 0 && values[i] < classes, "labelled subset: expected labels in [0, ",
                classes, "), got ", values[i]);
    members[values[i]].push_back(i);
  }
  for (int64_t c = 0; c < classes; ++c) {
    shuffle(members[c], evaluation_random(seed, c, stream));
  }
  return members;
}

at::Tensor ascending(std::vector<int64_t> positions) {
  std::sort(positions.begin(), positions.end());
  return at::tensor(positions, at::kLong);
}

}  // namespace

at::Tensor balanced_draw(const at::Tensor& label, int64_t classes, double fraction, uint64_t seed) {
  TORCH_CHECK(fraction > 0.0 && fraction <= 1.0,
              "balanced_draw: expected a fraction in (0, 1], got ", fraction);
  if (fraction == 1.0) return at::arange(label.size(0), at::kLong);
  const double each = fraction * static_cast<double>(label.size(0)) / static_cast<double>(classes);
  const size_t wanted = static_cast<size_t>(std::max<int64_t>(1, std::llround(each)));
  std::vector<int64_t> drawn;
  for (const auto& members : shuffled_classes(label, classes, seed, EvaluationStream::labelled)) {
    drawn.insert(drawn.end(), members.begin(),
                 members.begin() + static_cast<int64_t>(std::min(wanted, members.size())));
  }
  return ascending(std::move(drawn));
}

std::vector<HeldOut> stratified_folds(const at::Tensor& label, int64_t classes, int64_t folds,
                                      uint64_t seed) {
  TORCH_CHECK(folds > 1, "stratified_folds: expected at least two folds, got ", folds);
  std::vector<std::vector<int64_t>> parts(folds);
  // Dealing goes on where the class before it stopped, so that the folds' sizes differ by one at
  // most.
  int64_t dealt = 0;
  for (const auto& members : shuffled_classes(label, classes, seed, EvaluationStream::folding)) {
    for (const int64_t position : members) parts[dealt++ % folds].push_back(position);
  }
  std::vector<HeldOut> result;
  for (int64_t part = 0; part < folds; ++part) {
    std::vector<int64_t> rest;
    for (int64_t other = 0; other < folds; ++other) {
      if (other != part) rest.insert(rest.end(), parts[other].begin(), parts[other].end());
    }
    if (parts[part].empty() || rest.empty()) continue;
    result.push_back({ascending(std::move(rest)), ascending(parts[part])});
  }
  return result;
}

at::Tensor sample_positions(int64_t size, int64_t count, uint64_t seed) {
  if (count >= size) return at::arange(size, at::kLong);
  std::vector<int64_t> positions(size);
  std::iota(positions.begin(), positions.end(), int64_t{0});
  shuffle(positions, evaluation_random(seed, 0, EvaluationStream::sampling));
  positions.resize(count);
  return ascending(std::move(positions));
}

}  // namespace nearfar
