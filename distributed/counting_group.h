// Groups that count what their ranks exchange: one around a real group, one without any transport.
#pragma once

#include <memory>
#include <vector>

#include "distributed/collective_counts.h"
#include "distributed/forwarding_group.h"

namespace nearfar {

/// One of `ranks` ranks without the others: nothing is sent, and results are those of ranks that
/// are all like this one. A gather repeats or cuts this rank's rows to those that each rank has
/// announced; a sum is `ranks` times what is here; a broadcast gives back what it is given.
/// Thread-safe, like the counter.
class CountingGroup final : public Group {
 public:
  /// Throws std::invalid_argument unless 0 <= rank < ranks. `counter` is shared with the channels.
  CountingGroup(int ranks, int rank, std::shared_ptr<CollectiveCounter> counter);

  int rank() const override { return rank_; }
  int size() const override { return ranks_; }
  at::Tensor all_gather(const at::Tensor& mine, const std::vector<int64_t>& rows) override;
  at::Tensor all_sum(const at::Tensor& mine) override;
  at::Tensor sum_scatter(const at::Tensor& all, const std::vector<int64_t>& rows) override;
  at::Tensor broadcast(const at::Tensor& mine, int root) override;
  void barrier() override;
  std::unique_ptr<Pending> start_all_sum(at::Tensor tensor) override;
  std::unique_ptr<Group> new_channel() override;

 private:
  void check_rows(const char* collective, const std::vector<int64_t>& rows) const;

  int ranks_, rank_;
  std::shared_ptr<CollectiveCounter> counter_;
};

/// Counts what goes through `inner`, channels included, exactly as CountingGroup counts.
class CountingForward final : public ForwardingGroup {
 public:
  /// `inner` must outlive the object. `counter` is shared with the channels.
  CountingForward(Group& inner, std::shared_ptr<CollectiveCounter> counter);
  /// The same around a channel that the object then owns.
  CountingForward(std::unique_ptr<Group> channel, std::shared_ptr<CollectiveCounter> counter);

  at::Tensor all_gather(const at::Tensor& mine, const std::vector<int64_t>& rows) override;
  at::Tensor all_sum(const at::Tensor& mine) override;
  at::Tensor sum_scatter(const at::Tensor& all, const std::vector<int64_t>& rows) override;
  at::Tensor broadcast(const at::Tensor& mine, int root) override;
  void barrier() override;
  std::unique_ptr<Pending> start_all_sum(at::Tensor tensor) override;
  std::unique_ptr<Group> new_channel() override;

 private:
  std::unique_ptr<Group> channel_;
  std::shared_ptr<CollectiveCounter> counter_;
};

}  // namespace nearfar
