// Votes as a row of numbers, and what they mean.
#include "framework/train/step_votes.h"

#include <torch/types.h>

#include <algorithm>

#include "framework/error.h"
#include "framework/ship.h"

namespace nearfar {
namespace {

constexpr size_t kNamed = 3;  // parameters that a sentence names before it counts the rest

at::Tensor row_of(const StepVote& vote) {
  const at::Device device = vote.loss.device();
  const auto length = static_cast<int64_t>(1 + vote.unused.size());
  const bool silent = !vote.wants_to_stop &&
                      std::find(vote.unused.begin(), vote.unused.end(), true) == vote.unused.end();
  if (silent) return at::zeros({length}, at::TensorOptions(device).dtype(at::kDouble));
  std::vector<double> row{vote.wants_to_stop ? 1.0 : 0.0};
  row.insert(row.end(), vote.unused.begin(), vote.unused.end());
  return ship(at::tensor(row, at::kDouble), device);
}

}  // namespace

StepTally tally(Group& group, const StepVote& vote) {
  const at::NoGradGuard no_grad;
  const at::Tensor votes = row_of(vote);
  if (group.size() == 1) return {vote.loss, votes};
  const at::Tensor mine = at::cat({vote.loss.to(at::kDouble).view(1), votes});
  const at::Tensor sum = group.all_sum(mine);
  return {(sum.select(0, 0) / group.size()).to(vote.loss.scalar_type()),
          sum.narrow(0, 1, votes.numel())};
}

void refuse_unused(const std::vector<double>& votes, const std::vector<std::string>& parameters,
                   int64_t step, int ranks) {
  std::string names;
  size_t count = 0;
  double most = 0.0;
  for (size_t p = 0; p + 1 < votes.size(); ++p) {
    if (votes[p + 1] == 0.0) continue;
    most = std::max(most, votes[p + 1]);
    if (count++ < kNamed) names += (names.empty() ? "" : ", ") + parameters[p];
  }
  if (count == 0) return;
  if (count > kNamed) names += " and " + std::to_string(count - kNamed) + " more";
  const std::string where = ranks == 1 ? ""
                                       : " on " + std::to_string(static_cast<int>(most)) + " of " +
                                             std::to_string(ranks) + " ranks";
  throw ConfigError("step " + std::to_string(step) + ": the loss does not depend on " + names +
                    where +
                    "; expected a gradient for every parameter of the recipe. "
                    "train.unused_parameters=allow takes zero for it");
}

}  // namespace nearfar
