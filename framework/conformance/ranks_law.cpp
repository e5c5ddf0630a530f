// n ranks are one rank: loss, gradient and state over several steps, shards of unequal size and
// shuffled views included.
#include <torch/types.h>

#include <algorithm>
#include <utility>

#include "distributed/thread_group.h"
#include "framework/conformance/difference.h"
#include "framework/conformance/law.h"
#include "framework/conformance/short_run.h"
#include "framework/first_line.h"
#include "framework/log/quantities.h"
#include "framework/train/sharded_state.h"

namespace nearfar {
namespace {

constexpr int64_t kSteps = 4;
constexpr double kRate = 0.001;  // steps that do not make rounding grow

struct Case {
  const char* name;
  MiniaturePlan small;
  std::vector<int> ranks;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all{
      {"uneven shards, BatchNorm over all ranks", {.batch = 11}, {1, 2, 3, 4}},
      {"BatchNorm groups of four images inside ranks", {.batch = 16, .norm_batch = 4}, {2, 4}},
      {"BatchNorm groups of five images across ranks", {.batch = 13, .norm_batch = 5}, {2, 3}}};
  return all;
}

/// What one rank saw of a step, and what it holds after it.
struct Account {
  StepTrace trace;
  NamedTensors parameters, buffers;
  ShardedRows sharded;
};

std::vector<Account> accounts_of(const Subject& subject, const MiniaturePlan& small, Group& group) {
  ShortRun run(subject, {.small = small, .rate = kRate}, group);
  Recipe& recipe = run.recipe().inner();
  std::vector<Account> accounts;
  for (int64_t step = 0; step < kSteps; ++step) {
    Account& account = accounts.emplace_back();
    account.trace = run.step();
    for (const auto& item : recipe.named_parameters()) {
      account.parameters.emplace_back(item.key(), item.value().detach().clone());
    }
    for (const auto& item : recipe.named_buffers()) {
      account.buffers.emplace_back(item.key(), item.value().clone());
    }
    account.sharded = sharded_rows(recipe, group);
  }
  return accounts;
}

/// What is wrong with a rank's loss and gradient, or nothing.
std::string gradient_problem(const StepTrace& expected, const StepTrace& found, double& largest) {
  const double loss = relative_difference(expected.loss, found.loss);
  largest = std::max(largest, loss);
  if (loss > kRounding) {
    return "the mean of the ranks' losses is not that of one rank: " +
           to_words(expected.loss, found.loss) +
           "; loss() must see the other ranks' rows (gather_with_grad) and weigh its own by "
           "group.size() / shard.total";
  }
  const Difference worst = worst_gradient(expected.gradients, found.gradients);
  largest = std::max(largest, worst.relative);
  if (worst.relative <= kRounding) return "";
  return "the loss is that of one rank, the gradient of " + worst.name + " is not: off by " +
         format_significant(worst.relative, 3) + " of its largest value (" +
         to_words(worst.expected, worst.found) +
         "); a gather whose backward drops, detaches or scales the other ranks' terms; take "
         "gather_with_grad of distributed/gather.h";
}

/// What is wrong with a buffer that all ranks must hold alike, or nothing.
std::string replica_problem(const std::string& name, const std::vector<at::Tensor>& pieces) {
  for (size_t r = 1; r < pieces.size(); ++r) {
    if (pieces[r].equal(pieces[0])) continue;
    return "buffer " + name + " of rank " + std::to_string(r) +
           " has other bits than that of rank 0: move it by what all ranks know (gathered rows, "
           "sums over ranks); a module whose rows lie on the ranks by shard() says so "
           "(framework/recipe/sharded_buffers.h)";
  }
  return "";
}

/// A buffer is alike on all ranks, or lies in pieces on them: one behind the other, they are one
/// rank's.
std::string buffer_problem(const std::vector<Account>& ranks, const Account& alone, size_t b,
                           double& largest) {
  const auto& [name, expected] = alone.buffers[b];
  std::vector<at::Tensor> pieces;
  for (const Account& rank : ranks) pieces.push_back(rank.buffers[b].second);
  const bool is_sharded = ranks.front().sharded.contains(name);
  if (!is_sharded) {
    const std::string problem = replica_problem(name, pieces);
    if (!problem.empty()) return problem;
  }
  const at::Tensor found = is_sharded ? at::cat(pieces) : pieces[0];
  const Difference worst = worst_difference({{name, expected}}, {{name, found}}, 1e-3);
  largest = std::max(largest, worst.relative);
  if (worst.relative <= kRounding) return "";
  return "buffer " + name + (is_sharded ? ", put together from the ranks' pieces," : "") +
         " is not that of one rank: " + to_words(worst.expected, worst.found);
}

/// After a step.
std::string problem_over(const std::vector<Account>& ranks, const Account& alone, double& largest) {
  for (size_t r = 0; r < ranks.size(); ++r) {
    const std::string rank = "rank " + std::to_string(r);
    const std::string problem = gradient_problem(alone.trace, ranks[r].trace, largest);
    if (!problem.empty()) return rank + ": " + problem;
    const std::string other = first_other_bits(ranks[0].parameters, ranks[r].parameters);
    if (!other.empty()) return "parameter " + other + " of " + rank + " is not that of rank 0";
    if (ranks[r].buffers.size() != alone.buffers.size()) {
      return rank + " has another number of buffers than one rank alone";
    }
  }
  for (size_t b = 0; b < alone.buffers.size(); ++b) {
    const std::string problem = buffer_problem(ranks, alone, b, largest);
    if (!problem.empty()) return problem;
  }
  return "";
}

/// Over that many ranks, or nothing.
std::string problem_of(const Subject& subject, const Case& one, int ranks,
                       const std::vector<Account>& alone, double& largest) {
  std::vector<std::vector<Account>> by_step(alone.size(), std::vector<Account>(ranks));
  run_ranks(ranks, [&](Group& group) {
    std::vector<Account> mine = accounts_of(subject, one.small, group);
    for (size_t step = 0; step < mine.size(); ++step) {
      by_step[step][static_cast<size_t>(group.rank())] = std::move(mine[step]);
    }
  });
  for (size_t step = 0; step < alone.size(); ++step) {
    const std::string problem = problem_over(by_step[step], alone[step], largest);
    if (!problem.empty()) return "step " + std::to_string(step + 1) + ", " + problem;
  }
  return "";
}

Finding examine_ranks(const Subject& subject) {
  double largest = 0.0;
  for (const Case& one : cases()) {
    SoloGroup solo;
    const std::vector<Account> alone = accounts_of(subject, one.small, solo);
    for (const int ranks : one.ranks) {
      std::string problem;
      try {
        problem = problem_of(subject, one, ranks, alone, largest);
      } catch (const std::exception& error) {
        problem = first_line(error.what());
      }
      if (problem.empty()) continue;
      return {Verdict::broken, std::to_string(ranks) + (ranks == 1 ? " rank" : " ranks") +
                                   ", batch of " + std::to_string(one.small.batch) + " (" +
                                   one.name + "): " + problem};
    }
  }
  return {Verdict::holds, "loss, gradients and buffers of 1 to 4 ranks over " +
                              std::to_string(kSteps) + " steps: largest difference " +
                              format_significant(largest, 2) + ", at most " +
                              format_significant(kRounding, 2)};
}

}  // namespace

const Law kRanksLaw{"ranks", "the number of ranks is not part of a result", examine_ranks};

}  // namespace nearfar
