// Whether the gradient over the ranks that are there is that of one rank, for a run's recipe: the
// first of the laws, asked where the run shall be.
#pragma once

#include <string>
#include <vector>

#include "distributed/group.h"
#include "framework/train/run_config.h"

namespace nearfar {

/// How the made-up images of a self-test are shared out.
struct SelfTestBatch {
  std::string name;        // "uneven pieces, BatchNorm over all ranks"
  int64_t batch = 0;       // images over all ranks
  int64_t norm_batch = 0;  // images that share BatchNorm statistics; 0: all
};

/// Pieces that differ in size, BatchNorm over all ranks: what shows most mistakes.
SelfTestBatch uneven_self_test(int ranks);

/// That batch, an even one, and one whose BatchNorm groups stay on their ranks.
std::vector<SelfTestBatch> all_self_tests(int ranks);

/// Where the ranks' gradient differs most from that of one rank.
struct GradientDifference {
  std::string parameter;    // its name in the recipe, or "loss"
  double difference = 0.0;  // of the parameter's largest value, or of a thousandth of the largest
                            // of all where that is more; infinite where a value is not finite
  double expected = 0.0;    // the value that differs most, on one rank
  double found = 0.0;       // over the ranks
  int rank = 0;             // that found it
};

/// Compares loss and every parameter's gradient of the config's recipe (as a Miniature), averaged
/// over the ranks, with what each rank finds alone on the whole batch. A collective: all ranks get
/// the same result. LibTorch's generators are left as they were.
GradientDifference compare_with_one_rank(const RunConfig& config, const DatasetInfo& data,
                                         Group& group, const SelfTestBatch& batch);

/// What float64 sums in another order may make of a gradient.
inline constexpr double kLargestSelfTestDifference = 1e-8;

/// The short form, for the start of a run. Throws EnvironmentError, on all ranks or on none, when
/// the gradient on uneven_self_test() is not that of one rank: the settings are right, what is
/// wrong is a library here (the recipe's, or the transport's). A collective.
void check_gradient_over_ranks(const RunConfig& config, const DatasetInfo& data, Group& group);

/// Throws that error unless the difference is small: recipe, rank, parameter, expected and found,
/// and, from ranks as threads of this process, whether recipe or transport is to blame.
void require_same_gradient(const GradientDifference& worst, const RunConfig& config,
                           const DatasetInfo& data, int ranks);

}  // namespace nearfar
