// Every collective as one operation of a backend: bytes to move, numbers to sum.
#include "distributed/c10d_group.h"

#include <torch/types.h>
#include <torch/csrc/distributed/c10d/Backend.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "distributed/c10d_channel.h"
#include "distributed/collective_checks.h"

namespace nearfar {
namespace {

at::Tensor padded(const at::Tensor& rows, int64_t count) {
  std::vector<int64_t> shape = rows.sizes().vec();
  shape[0] = count - rows.size(0);
  return shape[0] == 0 ? rows : at::cat({rows, at::zeros(shape, rows.options())});
}

class C10dGroup final : public Group {
 public:
  C10dGroup(const std::shared_ptr<ConnectedRanks>& ranks, const std::string& channel)
      : ranks_(*ranks), channel_(ranks, channel) {}

  int rank() const override { return ranks_.rank(); }
  int size() const override { return ranks_.size(); }
  at::Device device() const override { return ranks_.device(); }
  at::Tensor all_gather(const at::Tensor& mine, const std::vector<int64_t>& rows) override;
  at::Tensor all_sum(const at::Tensor& mine) override;
  at::Tensor sum_scatter(const at::Tensor& all, const std::vector<int64_t>& rows) override;
  at::Tensor broadcast(const at::Tensor& mine, int root) override;
  void barrier() override { channel_.meet("barrier"); }
  std::unique_ptr<Pending> start_all_sum(at::Tensor tensor) override;
  std::unique_ptr<Group> new_channel() override;
  void set_deadline(std::chrono::milliseconds deadline) override { ranks_.set_deadline(deadline); }
  void set_step(int64_t step) override { ranks_.set_step(step); }
  void report_failure(const std::string& reason) noexcept override {
    ranks_.report_failure(reason);
  }

 private:
  /// Gloo's reduce-scatter is a sum of everything on all ranks: this moves half of those bytes, and
  /// no padding. Terms are added in rank order.
  at::Tensor exchange_and_sum(const at::Tensor& all, const std::vector<int64_t>& rows,
                              std::string what);
  at::Tensor reduce_scatter(const at::Tensor& all, const std::vector<int64_t>& rows,
                            std::string what);

  ConnectedRanks& ranks_;
  Channel channel_;
  int channels_ = 0;
};

at::Tensor C10dGroup::all_gather(const at::Tensor& mine, const std::vector<int64_t>& rows) {
  std::string what = describe_rows(*this, "all_gather", mine, rows, RowsOf::this_rank);
  const at::NoGradGuard no_grad;
  const int64_t most = *std::max_element(rows.begin(), rows.end());
  std::vector<int64_t> shape = mine.sizes().vec();
  shape[0] = most * size();
  at::Tensor all = at::empty(shape, mine.options());
  if (all.numel() == 0) return all;
  at::Tensor output = all.view({-1}).view(at::kByte);
  at::Tensor input = padded(mine.detach(), most).view({-1}).view(at::kByte);
  channel_.carry_out("all_gather", std::move(what), [&] {
    return channel_.backend()._allgather_base(output, input, {.timeout = ranks_.deadline()});
  });
  if (std::all_of(rows.begin(), rows.end(), [&](int64_t count) { return count == most; })) {
    return all;
  }
  std::vector<at::Tensor> pieces;
  for (int64_t r = 0; r < size(); ++r) pieces.push_back(all.narrow(0, r * most, rows[r]));
  return at::cat(pieces);
}

at::Tensor C10dGroup::all_sum(const at::Tensor& mine) {
  std::string what = describe(*this, "all_sum", mine);
  check_summable(*this, "all_sum", mine);
  const at::NoGradGuard no_grad;
  at::Tensor result = mine.detach().clone();
  if (result.numel() == 0) return result;
  channel_.carry_out("all_sum", std::move(what), [&] { return channel_.sum(result.view({-1})); });
  return result;
}

at::Tensor C10dGroup::sum_scatter(const at::Tensor& all, const std::vector<int64_t>& rows) {
  std::string what = describe_rows(*this, "sum_scatter", all, rows, RowsOf::all_ranks);
  check_summable(*this, "sum_scatter", all);
  const at::NoGradGuard no_grad;
  if (all.numel() == 0) return all.detach().narrow(0, 0, rows[static_cast<size_t>(rank())]);
  return device().is_cpu() ? exchange_and_sum(all.detach(), rows, std::move(what))
                           : reduce_scatter(all.detach(), rows, std::move(what));
}

at::Tensor C10dGroup::exchange_and_sum(const at::Tensor& all, const std::vector<int64_t>& rows,
                                       std::string what) {
  const int64_t own = rows[static_cast<size_t>(rank())];
  at::Tensor input = all.view({all.size(0), -1}).view(at::kByte);
  at::Tensor output = at::empty({own * size(), input.size(1)}, at::kByte);
  std::vector<int64_t> sent = rows, received(rows.size(), own);
  channel_.carry_out("sum_scatter", std::move(what), [&] {
    c10d::AllToAllOptions options;
    options.timeout = ranks_.deadline();
    return channel_.backend().alltoall_base(output, input, received, sent, options);
  });
  std::vector<int64_t> shape = all.sizes().vec();
  shape[0] = own;
  if (own == 0) return at::empty(shape, all.options());
  const std::vector<at::Tensor> terms = output.view(all.scalar_type()).split(own);
  at::Tensor sum = terms[0].clone();
  for (size_t i = 1; i < terms.size(); ++i) sum.add_(terms[i]);
  return sum.view(shape);
}

at::Tensor C10dGroup::reduce_scatter(const at::Tensor& all, const std::vector<int64_t>& rows,
                                     std::string what) {
  const int64_t most = *std::max_element(rows.begin(), rows.end());
  std::vector<at::Tensor> pieces;
  int64_t begin = 0;
  for (const int64_t count : rows) {
    pieces.push_back(padded(all.narrow(0, begin, count), most));
    begin += count;
  }
  at::Tensor input = (most * size() == all.size(0) ? all : at::cat(pieces)).view({-1});
  std::vector<int64_t> shape = all.sizes().vec();
  shape[0] = most;
  const at::Tensor piece = at::empty(shape, all.options());
  at::Tensor output = piece.view({-1});
  channel_.carry_out("sum_scatter", std::move(what), [&] {
    c10d::ReduceScatterOptions options;
    options.timeout = ranks_.deadline();
    return channel_.backend()._reduce_scatter_base(output, input, options);
  });
  const int64_t own = rows[static_cast<size_t>(rank())];
  return own == most ? piece : piece.narrow(0, 0, own).clone();
}

at::Tensor C10dGroup::broadcast(const at::Tensor& mine, int root) {
  std::string what = describe(*this, "broadcast", mine) + " from rank " + std::to_string(root);
  check_root(*this, root);
  const at::NoGradGuard no_grad;
  at::Tensor result = mine.detach().clone();
  if (result.numel() == 0) return result;
  std::vector<at::Tensor> bytes{result.view({-1}).view(at::kByte)};
  channel_.carry_out("broadcast", std::move(what), [&] {
    c10d::BroadcastOptions options;
    options.rootRank = root;
    options.timeout = ranks_.deadline();
    return channel_.backend().broadcast(bytes, options);
  });
  return result;
}

std::unique_ptr<Pending> C10dGroup::start_all_sum(at::Tensor tensor) {
  std::string what = describe(*this, "all_sum", tensor);
  check_summable(*this, "all_sum", tensor);
  if (tensor.numel() == 0) return std::make_unique<Done>();
  return channel_.start("all_sum", std::move(what),
                        [&] { return channel_.sum(tensor.detach().view({-1})); });
}

std::unique_ptr<Group> C10dGroup::new_channel() {
  return std::make_unique<C10dGroup>(channel_.ranks(),
                                     channel_.name() + "." + std::to_string(channels_++));
}

}  // namespace

std::unique_ptr<Group> make_c10d_group(Store& store, const Board& board, bool serves_store,
                                       const std::string& address, const JoinOptions& options) {
  auto* connected = dynamic_cast<ConnectedStore*>(&store);
  if (connected == nullptr) {
    throw std::invalid_argument("make_c10d_group: expected a store of connect_store, got another");
  }
  return std::make_unique<C10dGroup>(
      std::make_shared<ConnectedRanks>(connected->connection(), board, serves_store, address,
                                       options),
      "0");
}

}  // namespace nearfar
