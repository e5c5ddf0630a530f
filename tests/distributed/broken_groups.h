// Groups with the mistakes that published gathers made: tests must tell them from the right one.
#pragma once

#include <numeric>

#include "distributed/forwarding_group.h"

namespace nearfar {

/// What happens to the gradient on its way back through a gather.
enum class Backward {
  sum,        // right
  own_slice,  // lightly before PR 1531: the other ranks' terms are dropped
  average,    // divided by the number of ranks here, and by data parallelism again
};

/// Forwards to a real group, with a chosen adjoint of all_gather.
class GroupWithBackward final : public ForwardingGroup {
 public:
  GroupWithBackward(Group& group, Backward backward)
      : ForwardingGroup(group), backward_(backward) {}
  at::Tensor sum_scatter(const at::Tensor& all, const std::vector<int64_t>& rows) override {
    if (backward_ == Backward::own_slice) {
      const int64_t begin = std::accumulate(rows.begin(), rows.begin() + rank(), int64_t{0});
      return all.narrow(0, begin, rows[rank()]).clone();
    }
    const at::Tensor sum = inner().sum_scatter(all, rows);
    return backward_ == Backward::average ? sum / size() : sum;
  }

 private:
  Backward backward_;
};

}  // namespace nearfar
