// Groups with the mistakes that published gathers and sums made: tests must tell them from the
// right one.
#pragma once

#include <torch/csrc/autograd/function.h>

#include <numeric>
#include <string>

#include "distributed/forwarding_group.h"

namespace nearfar {

/// What happens to the gradient on its way back through a gather or a sum.
enum class Backward {
  sum,            // right
  own_slice,      // lightly before PR 1531: the other ranks' terms are dropped
  average,        // divided by the number of ranks here, and by data parallelism again
  detached,       // a gather that autograd does not see: no key has a gradient
  identity,       // a sum that autograd does not see: each rank gets its own gradient alone
  averaged_sums,  // a sum whose gradient is averaged
};

inline std::string to_text(Backward backward) {
  const char* names[] = {"sum",           "own slice", "average",
                         "detached keys", "raw sums",  "averaged sums"};
  return names[static_cast<int>(backward)];
}

/// Forwards to a real group, with a chosen adjoint of all_gather and all_sum.
class GroupWithBackward final : public ForwardingGroup {
 public:
  GroupWithBackward(Group& group, Backward backward)
      : ForwardingGroup(group), backward_(backward) {}

  at::Tensor sum_scatter(const at::Tensor& all, const std::vector<int64_t>& rows) override {
    if (backward_ == Backward::detached) return at::zeros_like(rows_of(all, rows));
    if (backward_ == Backward::own_slice) return rows_of(all, rows).clone();
    const at::Tensor sum = inner().sum_scatter(all, rows);
    return backward_ == Backward::average ? sum / size() : sum;
  }

  at::Tensor all_sum(const at::Tensor& mine) override {
    const bool goes_back = torch::autograd::get_current_node() != nullptr;
    if (goes_back && backward_ == Backward::identity) return mine;
    const at::Tensor sum = inner().all_sum(mine);
    return goes_back && backward_ == Backward::averaged_sums ? sum / size() : sum;
  }

 private:
  at::Tensor rows_of(const at::Tensor& all, const std::vector<int64_t>& rows) const {
    const int64_t begin = std::accumulate(rows.begin(), rows.begin() + rank(), int64_t{0});
    return all.narrow(0, begin, rows[rank()]);
  }

  Backward backward_;
};

}  // namespace nearfar
