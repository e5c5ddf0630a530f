// Gathering and undoing the permutation.
#include "recipes/blocks/batch_shuffle.h"

#include <torch/types.h>

namespace nearfar {

KeysInOrder keys_in_order(Group& group, const at::Tensor& shuffled_nD, const Batch& batch) {
  const Shard& own = batch.shard;
  TORCH_CHECK(own == shard(own.total, group.size(), group.rank()), "keys_in_order: rank ",
              group.rank(), " of ", group.size(), ": expected this rank's shard of ", own.total,
              ", got [", own.begin, ", ", own.end, ")");
  TORCH_CHECK(!shuffled_nD.requires_grad(),
              "keys_in_order: expected keys without gradient, got some that require it");
  const at::NoGradGuard no_grad;
  at::Tensor all_ND =
      group.all_gather(shuffled_nD.contiguous(), rows_by_rank(own.total, group.size()));
  if (batch.permutation.defined()) {
    all_ND = at::empty_like(all_ND).index_copy_(0, batch.permutation, all_ND);
  }
  return {all_ND, all_ND.narrow(0, own.begin, own.size())};
}

}  // namespace nearfar
