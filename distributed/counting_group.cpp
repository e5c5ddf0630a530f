// Counting, and what a rank without the others sees of them.
#include "distributed/counting_group.h"

#include <torch/types.h>

#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>

namespace nearfar {
namespace {

int64_t sum_of(const std::vector<int64_t>& rows) {
  return std::accumulate(rows.begin(), rows.end(), int64_t{0});
}

int64_t bytes_of(const at::Tensor& tensor) { return static_cast<int64_t>(tensor.nbytes()); }

/// Bytes of `rows` rows like those of a tensor that may have none.
int64_t bytes_of_rows(const at::Tensor& like, int64_t rows) {
  int64_t bytes = rows * static_cast<int64_t>(like.element_size());
  for (int64_t d = 1; d < like.dim(); ++d) bytes *= like.size(d);
  return bytes;
}

/// `own` rows again and again, as many as each rank announced.
at::Tensor repeated_rows(const at::Tensor& own, const std::vector<int64_t>& rows) {
  const int64_t total = sum_of(rows);
  if (own.size(0) == 0) {
    std::vector<int64_t> shape = own.sizes().vec();
    shape[0] = total;
    return at::zeros(shape, own.options());
  }
  std::vector<int64_t> sources;
  sources.reserve(static_cast<size_t>(total));
  for (const int64_t count : rows) {
    for (int64_t row = 0; row < count; ++row) sources.push_back(row % own.size(0));
  }
  return own.index_select(0, at::tensor(sources, at::kLong).to(own.device()));
}

}  // namespace

CountingGroup::CountingGroup(int ranks, int rank, std::shared_ptr<CollectiveCounter> counter)
    : ranks_(ranks), rank_(rank), counter_(std::move(counter)) {
  if (ranks >= 1 && rank >= 0 && rank < ranks) return;
  throw std::invalid_argument("CountingGroup: expected a rank below the number of ranks, got " +
                              std::to_string(rank) + " of " + std::to_string(ranks));
}

void CountingGroup::check_rows(const char* collective, const std::vector<int64_t>& rows) const {
  if (rows.size() == static_cast<size_t>(ranks_)) return;
  throw std::invalid_argument(std::string(collective) + ": rank " + std::to_string(rank_) + " of " +
                              std::to_string(ranks_) + ": expected as many row counts, got " +
                              std::to_string(rows.size()));
}

at::Tensor CountingGroup::all_gather(const at::Tensor& mine, const std::vector<int64_t>& rows) {
  check_rows("all_gather", rows);
  counter_->count(Collective::all_gather, bytes_of_rows(mine, sum_of(rows)));
  const at::NoGradGuard no_grad;
  return repeated_rows(mine, rows);
}

at::Tensor CountingGroup::all_sum(const at::Tensor& mine) {
  counter_->count(Collective::all_sum, bytes_of(mine));
  const at::NoGradGuard no_grad;
  return mine * ranks_;
}

at::Tensor CountingGroup::sum_scatter(const at::Tensor& all, const std::vector<int64_t>& rows) {
  check_rows("sum_scatter", rows);
  counter_->count(Collective::sum_scatter, bytes_of(all));
  const at::NoGradGuard no_grad;
  const int64_t begin = std::accumulate(rows.begin(), rows.begin() + rank_, int64_t{0});
  return all.narrow(0, begin, rows[static_cast<size_t>(rank_)]) * ranks_;
}

at::Tensor CountingGroup::broadcast(const at::Tensor& mine, int) {
  counter_->count(Collective::broadcast, bytes_of(mine));
  return mine;
}

void CountingGroup::barrier() { counter_->count(Collective::barrier, 0); }

std::unique_ptr<Pending> CountingGroup::start_all_sum(at::Tensor tensor) {
  counter_->count(Collective::background_sum, bytes_of(tensor));
  const at::NoGradGuard no_grad;
  tensor.mul_(ranks_);
  return std::make_unique<Done>();
}

std::unique_ptr<Group> CountingGroup::new_channel() {
  return std::make_unique<CountingGroup>(ranks_, rank_, counter_);
}

CountingForward::CountingForward(Group& inner, std::shared_ptr<CollectiveCounter> counter)
    : ForwardingGroup(inner), counter_(std::move(counter)) {}

CountingForward::CountingForward(std::unique_ptr<Group> channel,
                                 std::shared_ptr<CollectiveCounter> counter)
    : ForwardingGroup(*channel), channel_(std::move(channel)), counter_(std::move(counter)) {}

at::Tensor CountingForward::all_gather(const at::Tensor& mine, const std::vector<int64_t>& rows) {
  counter_->count(Collective::all_gather, bytes_of_rows(mine, sum_of(rows)));
  return inner().all_gather(mine, rows);
}

at::Tensor CountingForward::all_sum(const at::Tensor& mine) {
  counter_->count(Collective::all_sum, bytes_of(mine));
  return inner().all_sum(mine);
}

at::Tensor CountingForward::sum_scatter(const at::Tensor& all, const std::vector<int64_t>& rows) {
  counter_->count(Collective::sum_scatter, bytes_of(all));
  return inner().sum_scatter(all, rows);
}

at::Tensor CountingForward::broadcast(const at::Tensor& mine, int root) {
  counter_->count(Collective::broadcast, bytes_of(mine));
  return inner().broadcast(mine, root);
}

void CountingForward::barrier() {
  counter_->count(Collective::barrier, 0);
  inner().barrier();
}

std::unique_ptr<Pending> CountingForward::start_all_sum(at::Tensor tensor) {
  counter_->count(Collective::background_sum, bytes_of(tensor));
  return inner().start_all_sum(std::move(tensor));
}

std::unique_ptr<Group> CountingForward::new_channel() {
  return std::make_unique<CountingForward>(inner().new_channel(), counter_);
}

}  // namespace nearfar
