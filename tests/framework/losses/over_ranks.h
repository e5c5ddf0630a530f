// A loss on any number of ranks as data parallelism sees it: the mean of the ranks' losses, and the
// gradients averaged.
#pragma once

#include <ATen/Parallel.h>
#include <torch/types.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "distributed/forwarding_group.h"
#include "distributed/shard.h"
#include "distributed/thread_group.h"

namespace nearfar {

/// Hands on what is called before close(), and refuses what is called after.
class ClosingGroup final : public ForwardingGroup {
 public:
  using ForwardingGroup::ForwardingGroup;
  void close() { closed_ = true; }
  at::Tensor all_gather(const at::Tensor& mine, const std::vector<int64_t>& rows) override {
    check();
    return ForwardingGroup::all_gather(mine, rows);
  }
  at::Tensor all_sum(const at::Tensor& mine) override {
    check();
    return ForwardingGroup::all_sum(mine);
  }
  at::Tensor sum_scatter(const at::Tensor& all, const std::vector<int64_t>& rows) override {
    check();
    return ForwardingGroup::sum_scatter(all, rows);
  }

 private:
  void check() const { TORCH_CHECK(!closed_, "a collective in backward"); }
  bool closed_ = false;
};

/// LibTorch's number of threads, put back at the end.
class ThreadCount {
 public:
  explicit ThreadCount(int count) : before_(at::get_num_threads()) { at::set_num_threads(count); }
  ~ThreadCount() { at::set_num_threads(before_); }

 private:
  int before_;
};

struct Outcome {
  double loss = 0.0;
  std::vector<at::Tensor> gradients;  // of all rows, one an input
};

/// A rank's loss of its rows of the inputs.
using LossOfRank =
    std::function<at::Tensor(Group& group, const std::vector<at::Tensor>& inputs, const Shard&)>;

/// Whether the gradients of a loss are exchanged in its forward, or by collectives in backward.
enum class Backward { alone, with_collectives };

/// Inputs [N, ...] are shared out by shard().
inline Outcome over_ranks(int ranks, const std::vector<at::Tensor>& inputs,
                          const LossOfRank& loss_of, Backward backward = Backward::alone) {
  const int64_t total = inputs[0].size(0);
  std::vector<double> losses(ranks);
  Outcome outcome;
  for (const at::Tensor& input : inputs) outcome.gradients.push_back(at::zeros_like(input));
  run_ranks(ranks, [&](Group& real) {
    ClosingGroup group(real);
    const Shard own = shard(total, ranks, group.rank());
    std::vector<at::Tensor> mine;
    for (const at::Tensor& input : inputs) {
      mine.push_back(input.slice(0, own.begin, own.end).clone());
      if (input.is_floating_point()) mine.back().requires_grad_();
    }
    const at::Tensor loss = loss_of(group, mine, own);
    if (backward == Backward::alone) group.close();
    loss.backward();
    losses[group.rank()] = loss.item<double>();
    for (size_t i = 0; i < mine.size(); ++i) {
      if (!mine[i].grad().defined()) continue;
      outcome.gradients[i].slice(0, own.begin, own.end).copy_(mine[i].grad() / ranks);
    }
  });
  for (const double loss : losses) outcome.loss += loss / ranks;
  return outcome;
}

/// The same by LibTorch's autograd on all rows at once.
inline Outcome at_once(const std::vector<at::Tensor>& inputs,
                       const std::function<at::Tensor(const std::vector<at::Tensor>&)>& loss_of) {
  std::vector<at::Tensor> leaves;
  for (const at::Tensor& input : inputs) leaves.push_back(input.clone().requires_grad_());
  const at::Tensor loss = loss_of(leaves);
  loss.backward();
  Outcome outcome{loss.item<double>(), {}};
  for (const at::Tensor& leaf : leaves) {
    outcome.gradients.push_back(leaf.grad().defined() ? leaf.grad() : at::zeros_like(leaf));
  }
  return outcome;
}

/// The largest difference of two outcomes' gradients.
inline double distance(const Outcome& a, const Outcome& b) {
  double worst = 0.0;
  for (size_t i = 0; i < a.gradients.size(); ++i) {
    if (a.gradients[i].numel() == 0) continue;
    worst = std::max(worst, (a.gradients[i] - b.gradients[i]).abs().max().item<double>());
  }
  return worst;
}

/// Rows without a pattern, no two alike.
inline at::Tensor rows_for_test(int64_t rows, int64_t width, double phase) {
  return at::arange(rows * width, at::kDouble).mul(1.7).add(phase).sin().view({rows, width});
}

}  // namespace nearfar
