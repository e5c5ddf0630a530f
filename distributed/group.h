// The ranks of a run and the collectives between them.
#pragma once

#include <ATen/core/Tensor.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace nearfar {

/// A collective that was started and goes on by itself.
class Pending {
 public:
  virtual ~Pending() = default;
  /// Returns when the result is in the tensor (on a GPU: when whatever the current stream does next
  /// comes after it). Called once. Throws what the collective would have thrown.
  virtual void wait() = 0;
};

/// A set of ranks. Every rank calls the same collectives in the same order; tensors are contiguous
/// and on device(); results are the same on all ranks to the bit. What cannot be finished within
/// the deadline, or because a rank has gone, is a PeerError that names this rank, the collective,
/// the step and what is known of the missing rank.
class Group {
 public:
  virtual ~Group() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  /// Where tensors of collectives lie.
  virtual at::Device device() const { return at::kCPU; }
  /// Rows of all ranks in rank order: mine [n_r, ...] -> [sum n_r, ...]. `rows` gives n_r of every
  /// rank (see shard()): nobody exchanges sizes.
  virtual at::Tensor all_gather(const at::Tensor& mine, const std::vector<int64_t>& rows) = 0;
  /// Element-wise sum over ranks.
  virtual at::Tensor all_sum(const at::Tensor& mine) = 0;
  /// The adjoint of all_gather: sums [sum n_r, ...] over ranks and keeps this rank's rows.
  virtual at::Tensor sum_scatter(const at::Tensor& all, const std::vector<int64_t>& rows) = 0;
  /// The root's values for everybody.
  virtual at::Tensor broadcast(const at::Tensor& mine, int root) = 0;
  virtual void barrier() = 0;

  /// Sums `tensor` over ranks in place and in the background; nobody touches it before wait().
  virtual std::unique_ptr<Pending> start_all_sum(at::Tensor tensor) = 0;
  /// The same ranks with an order of their own: what is started there and what happens here need
  /// not be in one order. A collective; the result must not outlive this group.
  virtual std::unique_ptr<Group> new_channel() = 0;

  /// How long a collective waits for the other ranks, from now on and on every channel.
  virtual void set_deadline(std::chrono::milliseconds deadline);
  /// The step of the run that errors name, from now on and on every channel; -1: none yet.
  virtual void set_step(int64_t step);
  /// Tells the other ranks why this one ends; their PeerErrors will say so. Never throws.
  virtual void report_failure(const std::string& reason) noexcept;
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
  std::unique_ptr<Pending> start_all_sum(at::Tensor tensor) override;
  std::unique_ptr<Group> new_channel() override;
};

/// A started collective that is already done.
class Done final : public Pending {
 public:
  void wait() override {}
};

/// Rows of every rank when `total` rows are shared out by shard().
std::vector<int64_t> rows_by_rank(int64_t total, int ranks);

}  // namespace nearfar
