// Gradients over ranks and on one rank alone.
#include "framework/train/rank_self_test.h"

#include <torch/types.h>

#include <cmath>
#include <limits>

#include "distributed/texts.h"
#include "distributed/thread_group.h"
#include "framework/error.h"
#include "framework/log/quantities.h"
#include "framework/train/miniature.h"

namespace nearfar {
namespace {

constexpr const char* kLoss = "loss";

/// Gradients of all parameters behind one another, and the loss at the end: float64 on the host.
struct FlatGradient {
  std::vector<std::pair<std::string, int64_t>> parts;  // names and sizes
  at::Tensor values;
};

FlatGradient gradient_over(Group& group, const RunConfig& config, const DatasetInfo& data,
                           const SelfTestBatch& plan) {
  const Miniature small =
      make_miniature(config, data, {.batch = plan.batch, .norm_batch = plan.norm_batch}, group);
  const Batch batch = make_miniature_batch(
      *small.recipe, data, {.batch = plan.batch, .side = image_side(*small.recipe, small.encoders)},
      group);
  remember(*small.recipe, *small.piece, batch);
  const Loss loss = small.recipe->loss(small.recipe->embed(batch), batch);
  loss.value.backward();

  const at::NoGradGuard no_grad;
  FlatGradient flat;
  std::vector<at::Tensor> values;
  for (const auto& item : small.recipe->named_parameters()) {
    const at::Tensor& gradient = item.value().grad();
    flat.parts.emplace_back(item.key(), item.value().numel());
    values.push_back(gradient.defined() ? gradient.flatten()
                                        : at::zeros_like(item.value()).flatten());
  }
  flat.parts.emplace_back(kLoss, 1);
  values.push_back(loss.value.detach().to(at::kDouble).reshape({1}));
  flat.values = (group.all_sum(at::cat(values)) / group.size()).cpu();
  return flat;
}

/// The part that differs most.
GradientDifference worst_of(const FlatGradient& alone, const FlatGradient& over_ranks) {
  constexpr double kSmallest = 1e-3;
  const double largest = alone.values.abs().max().item<double>();
  GradientDifference worst{kLoss, -1.0, 0.0, 0.0, 0};
  int64_t begin = 0;
  for (const auto& [name, size] : alone.parts) {
    const at::Tensor expected = alone.values.narrow(0, begin, size);
    const at::Tensor found = over_ranks.values.narrow(0, begin, size);
    begin += size;
    const at::Tensor differences =
        (found - expected).abs().nan_to_num(std::numeric_limits<double>::infinity());
    const auto at_most = differences.argmax().item<int64_t>();
    const double scale = std::max(expected.abs().max().item<double>(), kSmallest * largest);
    const double difference = differences[at_most].item<double>() / scale;
    // An infinite or missing scale makes a difference that no comparison would call large.
    const double settled =
        std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference;
    if (settled <= worst.difference) continue;
    worst = {name, settled, expected[at_most].item<double>(), found[at_most].item<double>(), 0};
  }
  return worst;
}

/// The worst of all ranks, for all ranks.
GradientDifference agreed(Group& group, const GradientDifference& mine) {
  const std::vector<int64_t> ones(static_cast<size_t>(group.size()), 1);
  const auto all = [&](double value) {
    return group.all_gather(at::full({1}, value, at::kDouble).to(group.device()), ones).cpu();
  };
  const at::Tensor differences = all(mine.difference);
  GradientDifference worst;
  worst.rank = static_cast<int>(differences.argmax().item<int64_t>());
  worst.difference = differences[worst.rank].item<double>();
  worst.expected = all(mine.expected)[worst.rank].item<double>();
  worst.found = all(mine.found)[worst.rank].item<double>();
  worst.parameter = broadcast_text(group, mine.parameter, worst.rank);
  return worst;
}

/// Whether ranks as threads get it wrong as well.
std::string who_is_to_blame(const RunConfig& config, const DatasetInfo& data, int ranks) {
  constexpr int kMostThreads = 4;
  const int threads = std::min(ranks, kMostThreads);
  bool wrong = false;
  run_ranks(threads, [&](Group& group) {
    const GradientDifference worst =
        compare_with_one_rank(config, data, group, uneven_self_test(threads));
    if (group.rank() == 0) wrong = worst.difference > kLargestSelfTestDifference;
  });
  return wrong
             ? "so do ranks that are threads of one process: the recipe's loss or networks are at "
               "fault"
             : "ranks that are threads of one process agree: what connects these ranks is at "
               "fault";
}

}  // namespace

SelfTestBatch uneven_self_test(int ranks) {
  // Three images on some ranks and two on the others, of at least two ranks.
  return {"uneven pieces, BatchNorm over all ranks", 2 * ranks + (ranks + 1) / 2, 0};
}

std::vector<SelfTestBatch> all_self_tests(int ranks) {
  return {uneven_self_test(ranks),
          {"even pieces, BatchNorm over all ranks", 3 * ranks, 0},
          {"BatchNorm groups of four images, two on each rank", 8 * ranks, 4}};
}

GradientDifference compare_with_one_rank(const RunConfig& config, const DatasetInfo& data,
                                         Group& group, const SelfTestBatch& batch) {
  SoloGroup solo;
  const FlatGradient alone = gradient_over(solo, config, data, batch);
  const FlatGradient over_ranks = gradient_over(group, config, data, batch);
  return agreed(group, worst_of(alone, over_ranks));
}

void require_same_gradient(const GradientDifference& worst, const RunConfig& config,
                           const DatasetInfo& data, int ranks) {
  if (worst.difference <= kLargestSelfTestDifference) return;
  const auto number = [](double value) { return format_significant(value, 6); };
  throw EnvironmentError(
      "self-test: recipe " + config.recipe.name + ": rank " + std::to_string(worst.rank) + " of " +
      std::to_string(ranks) + ": " +
      (worst.parameter == kLoss ? "the loss" : "the gradient of " + worst.parameter) +
      " is not that of one rank: expected " + number(worst.expected) + ", found " +
      number(worst.found) + " (a relative difference of " + number(worst.difference) +
      ", at most " + number(kLargestSelfTestDifference) + "); " +
      who_is_to_blame(config, data, ranks));
}

void check_gradient_over_ranks(const RunConfig& config, const DatasetInfo& data, Group& group) {
  require_same_gradient(compare_with_one_rank(config, data, group, uneven_self_test(group.size())),
                        config, data, group.size());
}

}  // namespace nearfar
