// Threads that meet: each lays its tensor down, waits for the others, and computes its own result.
#include "distributed/thread_group.h"

#include <torch/types.h>

#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>

namespace nearfar {
namespace {

/// What a rank brings to a collective.
struct Contribution {
  std::string collective;
  at::Tensor tensor;
  std::vector<int64_t> rows;
  int root = 0;
};

[[noreturn]] void refuse(const Contribution& of, size_t rank, const std::string& expected,
                         const std::string& got) {
  throw std::invalid_argument(of.collective + ": rank " + std::to_string(rank) + ": expected " +
                              expected + ", got " + got);
}

template <typename Value>
std::string text(const Value& value) {
  std::ostringstream stream;
  stream << value;
  return stream.str();
}

std::string text(const std::vector<int64_t>& rows) { return text(at::IntArrayRef(rows)); }

/// The shape that rank's tensor must have, given rank 0's.
std::vector<int64_t> expected_shape(const std::vector<Contribution>& all, size_t rank) {
  std::vector<int64_t> shape = all[0].tensor.sizes().vec();
  const std::vector<int64_t>& rows = all[0].rows;
  if (rows.empty()) return shape;
  if (shape.empty()) refuse(all[0], 0, "a tensor with rows", "a scalar");
  shape[0] = all[0].collective == "all_gather"
                 ? rows[rank]
                 : std::accumulate(rows.begin(), rows.end(), int64_t{0});
  return shape;
}

/// Every rank runs the same checks over the same contributions, so that all throw or none does.
void check(const std::vector<Contribution>& all) {
  const Contribution& first = all[0];
  const bool has_rows = first.collective == "all_gather" || first.collective == "sum_scatter";
  for (size_t rank = 0; rank < all.size(); ++rank) {
    const Contribution& other = all[rank];
    if (other.collective != first.collective) {
      refuse(other, rank, first.collective + " like rank 0", other.collective);
    }
    if (other.rows != first.rows) refuse(other, rank, "rows " + text(first.rows), text(other.rows));
    if (other.root != first.root) refuse(other, rank, "root " + text(first.root), text(other.root));
    if (has_rows && other.rows.size() != all.size()) {
      refuse(other, rank, text(all.size()) + " row counts", text(other.rows.size()));
    }
    if (!first.tensor.defined()) continue;
    if (other.tensor.scalar_type() != first.tensor.scalar_type()) {
      refuse(other, rank, text(first.tensor.scalar_type()), text(other.tensor.scalar_type()));
    }
    const std::vector<int64_t> shape = expected_shape(all, rank);
    if (other.tensor.sizes() != at::IntArrayRef(shape)) {
      refuse(other, rank, "shape " + text(shape), text(other.tensor.sizes()));
    }
    if (!other.tensor.is_contiguous()) {
      refuse(other, rank, "a contiguous tensor", "strides " + text(other.tensor.strides()));
    }
  }
  if (first.root < 0 || first.root >= static_cast<int>(all.size())) {
    refuse(first, 0, "a root below " + text(all.size()), text(first.root));
  }
}

/// Where the ranks meet. A collective is two meetings: one to bring, one to let go, so that no rank
/// overwrites what another still reads.
class Meeting {
 public:
  explicit Meeting(int ranks) : contributions_(ranks), departures_(ranks) {}

  /// Waits for all; what they brought stays valid until release().
  const std::vector<Contribution>& bring(int rank, Contribution contribution) {
    const std::string collective = contribution.collective;
    {
      std::lock_guard lock(mutex_);
      contributions_[rank] = std::move(contribution);
    }
    wait_for_all(rank, collective);
    return contributions_;
  }

  void release(int rank, const std::string& collective) { wait_for_all(rank, collective); }

  /// The rank takes part no more; whoever waits for it is released.
  void leave(int rank, const std::string& how, std::exception_ptr error) {
    std::lock_guard lock(mutex_);
    departures_[rank] = how;
    if (error && !first_error_) first_error_ = error;
    changed_.notify_all();
  }

  std::exception_ptr first_error() const { return first_error_; }

 private:
  void wait_for_all(int rank, const std::string& collective) {
    std::unique_lock lock(mutex_);
    const int64_t meeting = meeting_;
    if (++arrived_ == static_cast<int>(contributions_.size())) {
      arrived_ = 0;
      ++meeting_;
      changed_.notify_all();
      return;
    }
    changed_.wait(lock, [&] { return meeting_ != meeting || somebody_left().has_value(); });
    if (meeting_ != meeting) return;
    const size_t gone = *somebody_left();
    throw std::runtime_error("rank " + std::to_string(rank) + ": " + collective +
                             " waits for rank " + std::to_string(gone) + ", which " +
                             *departures_[gone]);
  }

  std::optional<size_t> somebody_left() const {
    for (size_t rank = 0; rank < departures_.size(); ++rank) {
      if (departures_[rank]) return rank;
    }
    return std::nullopt;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Contribution> contributions_;
  std::vector<std::optional<std::string>> departures_;
  std::exception_ptr first_error_;
  int64_t meeting_ = 0;
  int arrived_ = 0;
};

at::Tensor sum_in_rank_order(const std::vector<Contribution>& all) {
  at::Tensor sum = all[0].tensor.clone();
  for (size_t rank = 1; rank < all.size(); ++rank) sum.add_(all[rank].tensor);
  return sum;
}

class ThreadGroup final : public Group {
 public:
  ThreadGroup(Meeting& meeting, int rank, int size) : meeting_(meeting), rank_(rank), size_(size) {}

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  at::Tensor all_gather(const at::Tensor& mine, const std::vector<int64_t>& rows) override {
    return meet({"all_gather", mine, rows}, [](const std::vector<Contribution>& all) {
      std::vector<at::Tensor> pieces;
      for (const Contribution& one : all) pieces.push_back(one.tensor);
      return at::cat(pieces);
    });
  }

  at::Tensor all_sum(const at::Tensor& mine) override {
    return meet({"all_sum", mine, {}}, sum_in_rank_order);
  }

  at::Tensor sum_scatter(const at::Tensor& all, const std::vector<int64_t>& rows) override {
    return meet({"sum_scatter", all, rows}, [&](const std::vector<Contribution>& contributions) {
      const int64_t begin = std::accumulate(rows.begin(), rows.begin() + rank_, int64_t{0});
      return sum_in_rank_order(contributions).narrow(0, begin, rows[rank_]).clone();
    });
  }

  at::Tensor broadcast(const at::Tensor& mine, int root) override {
    return meet({"broadcast", mine, {}, root},
                [root](const std::vector<Contribution>& all) { return all[root].tensor.clone(); });
  }

  void barrier() override {
    meet({"barrier", {}, {}}, [](const std::vector<Contribution>&) { return at::Tensor(); });
  }

  std::unique_ptr<Pending> start_all_sum(at::Tensor tensor) override {
    tensor.copy_(all_sum(tensor));
    return std::make_unique<Done>();
  }

  std::unique_ptr<Group> new_channel() override {
    return std::make_unique<ThreadGroup>(meeting_, rank_, size_);
  }

 private:
  template <typename Compute>
  at::Tensor meet(Contribution contribution, const Compute& compute) {
    at::NoGradGuard no_grad;
    const std::string collective = contribution.collective;
    const std::vector<Contribution>& all = meeting_.bring(rank_, std::move(contribution));
    at::Tensor result;
    std::exception_ptr error;
    try {
      check(all);
      result = compute(all);
    } catch (...) {
      error = std::current_exception();
    }
    // Also after an error: a caller may catch it and go on to the next collective.
    meeting_.release(rank_, collective);
    if (error) std::rethrow_exception(error);
    return result;
  }

  Meeting& meeting_;
  int rank_, size_;
};

}  // namespace

void run_ranks(int ranks, const std::function<void(Group&)>& body) {
  if (ranks < 1) {
    throw std::invalid_argument("run_ranks: expected at least one rank, got " +
                                std::to_string(ranks));
  }
  Meeting meeting(ranks);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < ranks; ++rank) {
    threads.emplace_back([&meeting, &body, rank, ranks] {
      ThreadGroup group(meeting, rank, ranks);
      try {
        body(group);
        meeting.leave(rank, "has returned", nullptr);
      } catch (const std::exception& error) {
        meeting.leave(rank, std::string("has failed: ") + error.what(), std::current_exception());
      } catch (...) {
        meeting.leave(rank, "has failed", std::current_exception());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (meeting.first_error()) std::rethrow_exception(meeting.first_error());
}

}  // namespace nearfar
