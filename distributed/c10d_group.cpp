// Every collective as one operation of a backend: bytes to gather and broadcast, numbers to sum.
#include "distributed/c10d_group.h"

#include <torch/types.h>
#include <torch/csrc/distributed/c10d/Backend.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "distributed/c10d_ranks.h"
#include "distributed/c10d_watch.h"
#include "distributed/collective_checks.h"

namespace nearfar {
namespace {

using Work = c10::intrusive_ptr<c10d::Work>;

// Gloo ends the process where ranks bring tensors of unequal size. Programs that differ between
// ranks do so from their first steps on: there every collective is compared before it is begun.
constexpr int64_t kComparedAtFirst = 256;

at::Tensor padded(const at::Tensor& rows, int64_t count) {
  std::vector<int64_t> shape = rows.sizes().vec();
  shape[0] = count - rows.size(0);
  return shape[0] == 0 ? rows : at::cat({rows, at::zeros(shape, rows.options())});
}

class C10dGroup final : public Group {
 public:
  C10dGroup(std::shared_ptr<ConnectedRanks> ranks, std::string channel)
      : ranks_(std::move(ranks)),
        channel_(std::move(channel)),
        backend_(ranks_->connect(channel_)) {
    if (!device().is_cpu()) watch_ = std::make_unique<Watch>(*ranks_, channel_, backend_);
  }
  ~C10dGroup() override;

  int rank() const override { return ranks_->rank(); }
  int size() const override { return ranks_->size(); }
  at::Device device() const override { return ranks_->device(); }
  at::Tensor all_gather(const at::Tensor& mine, const std::vector<int64_t>& rows) override;
  at::Tensor all_sum(const at::Tensor& mine) override;
  at::Tensor sum_scatter(const at::Tensor& all, const std::vector<int64_t>& rows) override;
  at::Tensor broadcast(const at::Tensor& mine, int root) override;
  void barrier() override;
  std::unique_ptr<Pending> start_all_sum(at::Tensor tensor) override;
  std::unique_ptr<Group> new_channel() override;
  void set_deadline(std::chrono::milliseconds deadline) override { ranks_->set_deadline(deadline); }
  void set_step(int64_t step) override { ranks_->set_step(step); }
  void report_failure(const std::string& reason) noexcept override {
    ranks_->report_failure(reason);
  }

 private:
  class Started;

  /// Carries out a collective: start() gives the work of the backend.
  template <typename Start>
  void carry_out(const char* collective, std::string what, const Start& start);
  /// Throws PeerError when another rank is about to begin something else.
  void compare(const Activity& activity);
  void wait_for(const Activity& activity, const Work& work);
  Work sum(at::Tensor flat);

  std::shared_ptr<ConnectedRanks> ranks_;
  const std::string channel_;
  c10::intrusive_ptr<c10d::Backend> backend_;
  std::unique_ptr<Watch> watch_;
  std::vector<Work> started_;
  int64_t sequence_ = 0;
  int64_t compared_ = 0;
  int channels_ = 0;
};

class C10dGroup::Started final : public Pending {
 public:
  Started(C10dGroup& group, Activity activity, Work work)
      : group_(group), activity_(std::move(activity)), work_(std::move(work)) {}
  void wait() override { group_.wait_for(activity_, work_); }

 private:
  C10dGroup& group_;
  Activity activity_;
  Work work_;
};

C10dGroup::~C10dGroup() {
  watch_.reset();
  const bool is_idle = std::all_of(started_.begin(), started_.end(),
                                   [](const Work& work) { return work->isCompleted(); });
  if (is_idle && !ranks_->has_failed()) return;
  backend_->abort();
  // Gloo cannot abort: its destructor would wait for ranks that may never come. What is left behind
  // ends with the process.
  if (!is_idle && device().is_cpu()) static_cast<void>(backend_.release());
}

void C10dGroup::wait_for(const Activity& activity, const Work& work) {
  try {
    if (!watch_) ranks_->pulse().enter(channel_, activity);
    work->wait();
    if (!watch_) ranks_->pulse().leave(channel_);
  } catch (const std::exception& error) {
    throw ranks_->failure_of({channel_, activity, error.what()});
  }
}

template <typename Start>
void C10dGroup::carry_out(const char* collective, std::string what, const Start& start) {
  const at::NoGradGuard no_grad;
  const Activity activity{collective, ++sequence_, std::move(what)};
  ranks_->refuse_if_failed();
  if (!watch_ && compared_ < kComparedAtFirst) compare(activity);
  Work work;
  try {
    work = start();
  } catch (const std::exception& error) {
    throw ranks_->failure_of({channel_, activity, error.what()});
  }
  if (watch_) watch_->add(activity, work);
  wait_for(activity, work);
}

void C10dGroup::compare(const Activity& activity) {
  ++compared_;
  const int64_t mine = fingerprint(activity.collective + " " + activity.what);
  at::Tensor input = at::full({1}, mine, at::kLong);
  at::Tensor output = at::empty({size()}, at::kLong);
  Work work;
  try {
    work = backend_->_allgather_base(output, input, {.timeout = ranks_->deadline()});
  } catch (const std::exception& error) {
    throw ranks_->failure_of({channel_, activity, error.what()});
  }
  wait_for(activity, work);
  if (output.ne(mine).any().item<bool>()) {
    throw ranks_->failure_of({channel_, activity, "the ranks ask for different collectives"});
  }
}

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
  carry_out("all_gather", std::move(what), [&] {
    return backend_->_allgather_base(output, input, {.timeout = ranks_->deadline()});
  });
  if (std::all_of(rows.begin(), rows.end(), [&](int64_t count) { return count == most; })) {
    return all;
  }
  std::vector<at::Tensor> pieces;
  for (int64_t r = 0; r < size(); ++r) pieces.push_back(all.narrow(0, r * most, rows[r]));
  return at::cat(pieces);
}

Work C10dGroup::sum(at::Tensor flat) {
  std::vector<at::Tensor> tensors{std::move(flat)};
  c10d::AllreduceOptions options;
  options.timeout = ranks_->deadline();
  return backend_->allreduce(tensors, options);
}

at::Tensor C10dGroup::all_sum(const at::Tensor& mine) {
  std::string what = describe(*this, "all_sum", mine);
  check_summable(*this, "all_sum", mine);
  const at::NoGradGuard no_grad;
  at::Tensor result = mine.detach().clone();
  if (result.numel() == 0) return result;
  carry_out("all_sum", std::move(what), [&] { return sum(result.view({-1})); });
  return result;
}

at::Tensor C10dGroup::sum_scatter(const at::Tensor& all, const std::vector<int64_t>& rows) {
  std::string what = describe_rows(*this, "sum_scatter", all, rows, RowsOf::all_ranks);
  check_summable(*this, "sum_scatter", all);
  const at::NoGradGuard no_grad;
  const int64_t most = *std::max_element(rows.begin(), rows.end());
  const int64_t own = rows[static_cast<size_t>(rank())];
  std::vector<at::Tensor> pieces;
  int64_t begin = 0;
  for (const int64_t count : rows) {
    pieces.push_back(padded(all.detach().narrow(0, begin, count), most));
    begin += count;
  }
  at::Tensor input = most * size() == all.size(0) ? all.detach() : at::cat(pieces);
  std::vector<int64_t> shape = all.sizes().vec();
  shape[0] = most;
  at::Tensor piece = at::empty(shape, all.options());
  if (piece.numel() == 0) return piece.narrow(0, 0, own);
  at::Tensor output = piece.view({-1});
  input = input.view({-1});
  carry_out("sum_scatter", std::move(what), [&] {
    c10d::ReduceScatterOptions options;
    options.timeout = ranks_->deadline();
    return backend_->_reduce_scatter_base(output, input, options);
  });
  return own == most ? piece : piece.narrow(0, 0, own).clone();
}

at::Tensor C10dGroup::broadcast(const at::Tensor& mine, int root) {
  std::string what = describe(*this, "broadcast", mine) + " from rank " + std::to_string(root);
  check_root(*this, root);
  const at::NoGradGuard no_grad;
  at::Tensor result = mine.detach().clone();
  if (result.numel() == 0) return result;
  std::vector<at::Tensor> bytes{result.view({-1}).view(at::kByte)};
  carry_out("broadcast", std::move(what), [&] {
    c10d::BroadcastOptions options;
    options.rootRank = root;
    options.timeout = ranks_->deadline();
    return backend_->broadcast(bytes, options);
  });
  return result;
}

void C10dGroup::barrier() {
  at::Tensor one = at::ones({1}, at::TensorOptions(at::kFloat).device(device()));
  carry_out("barrier", "", [&] { return sum(one); });
  static_cast<void>(one.item<float>());  // a GPU's work goes on in the background
  ranks_->refuse_if_failed();
}

std::unique_ptr<Pending> C10dGroup::start_all_sum(at::Tensor tensor) {
  const at::NoGradGuard no_grad;
  Activity activity{"all_sum", ++sequence_, describe(*this, "all_sum", tensor)};
  check_summable(*this, "all_sum", tensor);
  ranks_->refuse_if_failed();
  if (tensor.numel() == 0) return std::make_unique<Done>();
  Work work;
  try {
    work = sum(tensor.detach().view({-1}));
  } catch (const std::exception& error) {
    throw ranks_->failure_of({channel_, activity, error.what()});
  }
  if (watch_) watch_->add(activity, work);
  std::erase_if(started_, [](const Work& one) { return one->isCompleted(); });
  started_.push_back(work);
  return std::make_unique<Started>(*this, std::move(activity), std::move(work));
}

std::unique_ptr<Group> C10dGroup::new_channel() {
  return std::make_unique<C10dGroup>(ranks_, channel_ + "." + std::to_string(channels_++));
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
