// Golden cases of losses and gathering over ranks; ranks are threads.
#include <numeric>

#include "distributed/gather.h"
#include "distributed/thread_group.h"
#include "framework/losses/moco.h"
#include "framework/losses/nt_xent.h"
#include "tests/golden_runner/case.h"

namespace nearfar::golden {
namespace {

/// Rows of every rank in tensors that are padded to the longest: [W, longest, ...].
std::vector<int64_t> rows_of_ranks(const Case& item, const at::Tensor& padded) {
  const auto sizes = item.tensors.find("shard_sizes");
  if (sizes == item.tensors.end()) {
    return std::vector<int64_t>(static_cast<size_t>(padded.size(0)), padded.size(1));
  }
  const int64_t* data = sizes->second.const_data_ptr<int64_t>();
  return {data, data + sizes->second.numel()};
}

/// The rows of a rank as a leaf that requires grad.
at::Tensor piece(const at::Tensor& padded, int rank, const std::vector<int64_t>& rows) {
  return padded[rank].slice(0, 0, rows[rank]).clone().requires_grad_();
}

/// Writes a rank's rows into their place of a padded tensor.
void put(const at::Tensor& padded, int rank, const at::Tensor& rows) {
  padded[rank].slice(0, 0, rows.size(0)).copy_(rows);
}

Tensors nt_xent_ranks_case(const Case& item) {
  const at::Tensor& z1 = item.tensors.at("z1");
  const at::Tensor& z2 = item.tensors.at("z2");
  const double temperature = item.hyperparameters.at("temperature").as_double();
  const std::vector<int64_t> rows = rows_of_ranks(item, z1);
  const double ranks = static_cast<double>(rows.size());
  const double total = static_cast<double>(std::accumulate(rows.begin(), rows.end(), int64_t{0}));
  const at::Tensor losses = at::empty({z1.size(0)}, z1.options());
  const at::Tensor before1 = at::zeros_like(z1), before2 = at::zeros_like(z2);
  run_ranks(static_cast<int>(rows.size()), [&](Group& group) {
    const int rank = group.rank();
    const at::Tensor own1 = piece(z1, rank, rows), own2 = piece(z2, rank, rows);
    const at::Tensor loss = nt_xent_over_rows(group, own1, own2, temperature, rows);
    loss.backward();
    losses[rank].copy_(loss.detach());
    put(before1, rank, own1.grad());
    put(before2, rank, own2.grad());
  });
  const at::Tensor weights =
      at::tensor(rows, at::TensorOptions(at::kLong)).to(losses.scalar_type()) * (ranks / total);
  return {{"loss", losses.mean()},         {"loss_per_rank", losses / weights},
          {"grad.z1", before1 / ranks},    {"grad.z2", before2 / ranks},
          {"grad_before_ddp.z1", before1}, {"grad_before_ddp.z2", before2}};
}

/// Inputs [W, n, d] over W ranks.
Tensors moco_v3_ranks_case(const Case& item) {
  const at::Tensor &q1 = item.tensors.at("q1"), &q2 = item.tensors.at("q2");
  const at::Tensor &k1 = item.tensors.at("k1"), &k2 = item.tensors.at("k2");
  const int64_t ranks = q1.size(0), rows = q1.size(1);
  const double temperature = item.hyperparameters.at("temperature").as_double();
  const at::Tensor losses = at::empty({ranks}, q1.options());
  const at::Tensor grad1 = at::empty_like(q1), grad2 = at::empty_like(q2);
  run_ranks(static_cast<int>(ranks), [&](Group& group) {
    const int rank = group.rank();
    const at::Tensor own1 = q1[rank].clone().requires_grad_();
    const at::Tensor own2 = q2[rank].clone().requires_grad_();
    const at::Tensor loss = moco_v3_loss(group, own1, own2, k1[rank], k2[rank], temperature,
                                         {rank * rows, (rank + 1) * rows, ranks * rows});
    loss.backward();
    losses[rank].copy_(loss.detach());
    grad1[rank].copy_(own1.grad() / static_cast<double>(ranks));
    grad2[rank].copy_(own2.grad() / static_cast<double>(ranks));
  });
  return {
      {"loss", losses.mean()}, {"loss_per_rank", losses}, {"grad.q1", grad1}, {"grad.q2", grad2}};
}

/// sum_k A_k . g_k + weight / 2 sum_{k < l} g_k . g_l
at::Tensor loss_of_gathered(const at::Tensor& gathered, const at::Tensor& direction,
                            const at::Tensor& weight) {
  const at::Tensor products = gathered.matmul(gathered.t());
  return (direction * gathered).sum() + 0.5 * weight * products.triu(1).sum();
}

Tensors gather_gradient_case(const Case& item) {
  const at::Tensor& x = item.tensors.at("x");
  const std::vector<int64_t> rows = rows_of_ranks(item, x);
  const at::Tensor losses = at::empty({x.size(0)}, x.options());
  const at::Tensor adjoint = at::zeros_like(x);
  at::Tensor gathered;
  run_ranks(static_cast<int>(rows.size()), [&](Group& group) {
    const int rank = group.rank();
    const at::Tensor mine = piece(x, rank, rows);
    const at::Tensor all = gather_with_grad(group, mine, rows);
    const at::Tensor loss =
        loss_of_gathered(all, item.tensors.at("A")[rank], item.tensors.at("rank_weight")[rank]);
    loss.backward();
    losses[rank].copy_(loss.detach());
    put(adjoint, rank, mine.grad());
    if (rank == 0) gathered = all.detach();
  });
  return {{"gathered", gathered},
          {"loss_per_rank", losses},
          {"sum_adjoint", adjoint},
          {"mean_ddp", adjoint / static_cast<double>(rows.size())}};
}

Tensors statistics_gradient_case(const Case& item) {
  const at::Tensor& z1 = item.tensors.at("z1");
  const at::Tensor& z2 = item.tensors.at("z2");
  const std::vector<int64_t> rows = rows_of_ranks(item, z1);
  const double ranks = static_cast<double>(rows.size());
  const at::Tensor exact1 = at::zeros_like(z1), exact2 = at::zeros_like(z2);
  at::Tensor value;
  run_ranks(static_cast<int>(rows.size()), [&](Group& group) {
    const int rank = group.rank();
    const at::Tensor own1 = piece(z1, rank, rows), own2 = piece(z2, rank, rows);
    const at::Tensor own = own1.t().matmul(own2) / static_cast<double>(rows[rank]);
    const at::Tensor correlation = sum_with_grad(group, own) / ranks;
    const at::Tensor identity = at::eye(own.size(0), own.options().requires_grad(false));
    const at::Tensor loss = (correlation - identity).square().sum();
    loss.backward();
    put(exact1, rank, own1.grad() / ranks);
    put(exact2, rank, own2.grad() / ranks);
    if (rank == 0) value = loss.detach();
  });
  return {{"loss", value}, {"exact.z1", exact1}, {"exact.z2", exact2}};
}

}  // namespace

void add_losses_over_ranks(Operations& operations) {
  operations["nt_xent_ranks"] = nt_xent_ranks_case;
  operations["moco_v3"] = [one_rank = operations["moco_v3"]](const Case& item) {
    return item.tensors.at("q1").dim() == 3 ? moco_v3_ranks_case(item) : one_rank(item);
  };
  operations["gather_gradient"] = gather_gradient_case;
  operations["statistics_gradient"] = statistics_gradient_case;
}

}  // namespace nearfar::golden
