// The ranks of a run and the collectives between them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace nearfar {

/// A set of ranks. Every rank calls the same collectives in the same order; tensors are contiguous,
/// results are the same on all ranks to the bit. Errors name rank and collective.
class Group {
 public:
  virtual ~Group() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  /// Rows of all ranks in rank order: mine [n_r, ...] -> [sum n_r, ...]. `rows` gives n_r of every
  /// rank (see shard()): nobody exchanges sizes.
  virtual at::Tensor all_gather(const at::Tensor& mine, const std::vector<int64_t>& rows) = 0;
  /// Element-wise sum over ranks, added in rank order.
  virtual at::Tensor all_sum(const at::Tensor& mine) = 0;
  /// The adjoint of all_gather: sums [sum n_r, ...] over ranks and keeps this rank's rows.
  virtual at::Tensor sum_scatter(const at::Tensor& all, const std::vector<int64_t>& rows) = 0;
  /// The root's values for everybody.
  virtual at::Tensor broadcast(const at::Tensor& mine, int root) = 0;
  virtual void barrier() = 0;
};

/// One rank alone: every collective is the identity.
class SoloGroup final : public Group {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  at::Tensor all_gather(const at::Tensor& mine, const std::vector<int64_t>& rows) override;
  at::Tensor all_sum(const at::Tensor& mine) override;
  at::Tensor sum_scatter(const at::Tensor& all, const std::vector<int64_t>& rows) override;
  at::Tensor broadcast(const at::Tensor& mine, int root) override;
  void barrier() override {}
};

/// Rows of every rank when `total` rows are shared out by shard().
std::vector<int64_t> rows_by_rank(int64_t total, int ranks);

}  // namespace nearfar
