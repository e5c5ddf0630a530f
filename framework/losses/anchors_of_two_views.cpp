// Similarities of two views over ranks.
#include "framework/losses/anchors_of_two_views.h"

#include <torch/types.h>

#include "distributed/gather.h"
#include "framework/losses/pairs.h"
#include "framework/losses/unit_rows.h"

namespace nearfar {

AnchorsOfTwoViews meet_all(const char* name, Group& group, const at::Tensor& z1,
                           const at::Tensor& z2, const Shard& own) {
  const Pairs pairs = make_pairs(name, group, z1, z2, 1.0, rows_of_shards(name, group, own));
  const int64_t n = pairs.count(), total = pairs.total;
  const at::Tensor u1_nd = normalized_rows(pairs.first), u2_nd = normalized_rows(pairs.second);
  const at::Tensor all_n2d = gather_with_grad(group, at::stack({u1_nd, u2_nd}, 1), pairs.rows);
  const at::Tensor all_2Nd = at::cat({all_n2d.select(1, 0), all_n2d.select(1, 1)});
  AnchorsOfTwoViews anchors;
  anchors.cosine = at::cat({u1_nd, u2_nd}).matmul(all_2Nd.t());
  anchors.others = at::ones_like(anchors.cosine, at::kBool);
  std::vector<at::Tensor> positives;
  for (int64_t view = 0; view < 2; ++view) {
    const int64_t self = view * total + pairs.begin, other = (1 - view) * total + pairs.begin;
    const at::Tensor others = anchors.others.narrow(0, view * n, n);
    others.narrow(1, self, n).diagonal().fill_(false);
    others.narrow(1, other, n).diagonal().fill_(false);
    positives.push_back(anchors.cosine.narrow(0, view * n, n).narrow(1, other, n).diagonal());
  }
  anchors.positive = at::cat(positives);
  anchors.anchors = 2 * total;
  return anchors;
}

}  // namespace nearfar
