// Gathering of labelled rows.
#include "framework/losses/labelled_batch.h"

#include <torch/types.h>

#include "distributed/gather.h"
#include "framework/losses/pairs.h"
#include "framework/widened.h"

namespace nearfar {

at::Tensor LabelledBatch::positives() const {
  at::Tensor same_nN = label_n.unsqueeze(1) == label_N.unsqueeze(0);
  same_nN.diagonal(begin).fill_(false);
  return same_nN;
}

at::Tensor LabelledBatch::negatives() const { return label_n.unsqueeze(1) != label_N.unsqueeze(0); }

at::Tensor checked_embeddings(const char* name, const at::Tensor& embeddings,
                              const at::Tensor& label, const Shard& own) {
  const at::ScalarType type = embeddings.scalar_type();
  TORCH_CHECK(embeddings.dim() == 2 && embeddings.size(0) == own.end - own.begin &&
                  (type == at::kFloat || type == at::kDouble || type == at::kBFloat16),
              name, ": expected embeddings [", own.end - own.begin,
              ", d] of float32, float64 or bfloat16, got ", embeddings.sizes(), " of ", type);
  TORCH_CHECK(
      label.dim() == 1 && label.size(0) == embeddings.size(0) && label.scalar_type() == at::kLong,
      name, ": expected labels [", embeddings.size(0), "] of int64, got ", label.sizes(), " of ",
      label.scalar_type());
  return widened(embeddings);
}

LabelledBatch gather_labelled(const char* name, Group& group, const at::Tensor& embeddings,
                              const at::Tensor& label, const Shard& own) {
  const std::vector<int64_t> rows = rows_of_shards(name, group, own);
  LabelledBatch batch;
  batch.anchors_nd = checked_embeddings(name, embeddings, label, own);
  batch.all_Nd = gather_with_grad(group, batch.anchors_nd.contiguous(), rows);
  batch.label_n = label;
  batch.label_N = group.all_gather(label.contiguous(), rows);
  batch.begin = own.begin;
  return batch;
}

at::Tensor mean_over_ranks(Group& group, const at::Tensor& sum, const at::Tensor& count) {
  const at::Tensor all = group.all_sum(count.detach().to(at::kDouble).contiguous());
  return sum * (static_cast<double>(group.size()) / all.clamp_min(1.0)).to(sum.scalar_type());
}

}  // namespace nearfar
