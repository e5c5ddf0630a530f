// NT-Xent written out plainly, with the mistakes that published losses over ranks made.
#pragma once

#include <torch/types.h>

#include <string>
#include <vector>

#include "distributed/gather.h"
#include "distributed/shard.h"

namespace nearfar {

enum class LossMistake {
  none,
  detached_remote_keys,  // other ranks' keys are constants, this rank's own are put back in place
  rank_shifted_labels,   // the positives are looked for at the next rank's rows
  local_means,           // every rank's mean counts the same, however many rows it has
};

inline std::string to_text(LossMistake mistake) {
  const char* names[] = {"none", "detached remote keys", "rank-shifted labels", "local means"};
  return names[static_cast<int>(mistake)];
}

/// All rows of all ranks; other ranks' as constants where asked.
inline at::Tensor keys_of_ranks(Group& group, const at::Tensor& mine, const Shard& own,
                                bool detach_others) {
  const at::Tensor all = gather_with_grad(group, mine, rows_by_rank(own.total, group.size()));
  if (!detach_others) return all;
  const at::Tensor constant = all.detach();
  return at::cat({constant.slice(0, 0, own.begin), mine, constant.slice(0, own.end)});
}

/// SimCLR equation 1 as a softmax over all 2N - 1 other rows; the mean over ranks of it is the loss
/// of the whole batch unless a mistake is made.
inline at::Tensor plain_nt_xent(Group& group, const std::vector<at::Tensor>& views,
                                double temperature, const Shard& own, LossMistake mistake) {
  const bool detach = mistake == LossMistake::detached_remote_keys;
  std::vector<at::Tensor> anchors, keys;
  for (const at::Tensor& view : views) {
    anchors.push_back(view / view.norm(2, {1}, /*keepdim=*/true));
    keys.push_back(keys_of_ranks(group, anchors.back(), own, detach));
  }
  const at::Tensor all = at::cat(keys);
  const Shard next = shard(own.total, group.size(), (group.rank() + 1) % group.size());
  const int64_t shift = mistake == LossMistake::rank_shifted_labels ? next.begin : own.begin;
  const at::Tensor rows = at::arange(own.size(), at::kLong);
  at::Tensor sum = at::zeros({}, all.options());
  for (int64_t v = 0; v < 2; ++v) {
    const at::Tensor self = (rows + own.begin + v * own.total).unsqueeze(1);
    const at::Tensor positive = ((rows + shift) % own.total + (1 - v) * own.total).unsqueeze(1);
    const at::Tensor logits =
        (anchors[v].matmul(all.t()) / temperature).scatter(1, self, -1e30).log_softmax(1);
    sum = sum - logits.gather(1, positive).sum();
  }
  const auto mean = sum / static_cast<double>(2 * own.size());
  if (mistake == LossMistake::local_means) return mean;
  return mean * (static_cast<double>(group.size() * own.size()) / static_cast<double>(own.total));
}

}  // namespace nearfar
