// Ranks as threads of one or more processes.
#include "distributed/hosted_ranks.h"

#include <ATen/Parallel.h>
#include <c10/core/AutogradState.h>
#include <torch/types.h>

#include <exception>
#include <numeric>
#include <thread>

#include "distributed/meeting.h"
#include "distributed/peer_error.h"
#include "distributed/process_exchange.h"

namespace nearfar {
namespace {

/// What the ranks of this process share.
struct Hosts {
  Hosts(Group& group, int all_ranks)
      : processes(group),
        // The caller's group outlives the run.
        exchange(std::make_shared<ProcessExchange>(
            std::shared_ptr<Group>(std::shared_ptr<Group>(), &group), all_ranks)),
        locals(std::make_shared<LocalRanks>(exchange->first(), exchange->count(), all_ranks)),
        errors(exchange->count()) {}

  int ranks() const { return exchange->ranks(); }

  void set_step(int local, int64_t step) {
    const std::lock_guard lock(locals->mutex);
    locals->steps[local] = step;
    if (step == announced_step) return;
    announced_step = step;
    processes.set_step(step);
  }

  void set_deadline(std::chrono::milliseconds deadline) {
    const std::lock_guard lock(locals->mutex);
    if (deadline == locals->deadline) return;
    locals->deadline = deadline;
    processes.set_deadline(deadline);
  }

  /// The rank takes part no more; whoever waits for it is released. Its first words count.
  void leave(int local, const std::string& how) {
    const std::lock_guard lock(locals->mutex);
    if (locals->departures[local].empty()) locals->departures[local] = how;
    locals->changed.notify_all();
  }

  void fail(int local, const std::string& how, std::exception_ptr error) {
    {
      const std::lock_guard lock(locals->mutex);
      if (first_failed < 0) first_failed = local;
      errors[local] = std::move(error);
    }
    leave(local, how);
  }

  /// What the rank threw that failed first; if it went on instead, what another one threw.
  std::exception_ptr first_error() const {
    if (first_failed >= 0 && errors[first_failed]) return errors[first_failed];
    for (const std::exception_ptr& error : errors) {
      if (error) return error;
    }
    return nullptr;
  }

  /// Tells the other processes, once, and unless they are the reason.
  void report_failure(int local, const std::string& reason) {
    {
      const std::lock_guard lock(locals->mutex);
      if (has_reported || process_failed) return;
      has_reported = true;
    }
    processes.report_failure(exchange->count() == 1
                                 ? reason
                                 : "rank " + std::to_string(exchange->first() + local) + " of " +
                                       std::to_string(ranks()) + ": " + reason);
  }

  void note_process_failure() {
    const std::lock_guard lock(locals->mutex);
    process_failed = true;
  }

  Group& processes;
  std::shared_ptr<ProcessExchange> exchange;  // of the main channel
  std::shared_ptr<LocalRanks> locals;
  // Guarded by the mutex of locals.
  std::vector<std::exception_ptr> errors;  // by local rank
  int first_failed = -1;
  int64_t announced_step = -1;
  bool has_reported = false;
  bool process_failed = false;
};

std::shared_ptr<Meeting> make_channel(Hosts& hosts, std::shared_ptr<ProcessExchange> exchange);

Outcome perform(Hosts& hosts, ProcessExchange& exchange,
                const std::vector<Contribution>& contributions) {
  try {
    Outcome outcome{exchange.perform(contributions), nullptr};
    if (contributions[0].collective == "new_channel") {
      outcome.meeting = make_channel(hosts, std::make_shared<ProcessExchange>(
                                                exchange.processes().new_channel(), hosts.ranks()));
    }
    return outcome;
  } catch (const PeerError&) {
    hosts.note_process_failure();
    throw;
  }
}

std::shared_ptr<Meeting> make_channel(Hosts& hosts, std::shared_ptr<ProcessExchange> exchange) {
  return std::make_shared<Meeting>(
      hosts.locals, [&hosts, exchange](const std::vector<Contribution>& contributions) {
        return perform(hosts, *exchange, contributions);
      });
}

/// Memory of its own for every rank; the last one may keep the original.
at::Tensor take_all(const Outcome& outcome, bool is_last) {
  const at::NoGradGuard no_grad;
  return is_last || !outcome.tensor.defined() ? outcome.tensor : outcome.tensor.clone();
}

/// A sum that was started on a channel.
class PendingSum final : public Pending {
 public:
  PendingSum(std::shared_ptr<Meeting> meeting, int local, at::Tensor tensor)
      : meeting_(std::move(meeting)),
        local_(local),
        tensor_(std::move(tensor)),
        number_(meeting_->bring(local_, {"all_sum", tensor_, {}})) {}

  void wait() override {
    meeting_->collect(local_, number_, [this](const Outcome& outcome, bool) {
      const at::NoGradGuard no_grad;
      return tensor_.copy_(outcome.tensor);
    });
  }

 private:
  std::shared_ptr<Meeting> meeting_;
  int local_;
  at::Tensor tensor_;
  int64_t number_;
};

/// One rank's end of a channel.
class HostedGroup final : public Group {
 public:
  HostedGroup(Hosts& hosts, std::shared_ptr<Meeting> meeting, int local)
      : hosts_(hosts), meeting_(std::move(meeting)), local_(local) {}

  int rank() const override { return hosts_.exchange->first() + local_; }
  int size() const override { return hosts_.ranks(); }
  at::Device device() const override { return hosts_.processes.device(); }

  at::Tensor all_gather(const at::Tensor& mine, const std::vector<int64_t>& rows) override {
    return meet({"all_gather", mine, rows}, take_all);
  }

  at::Tensor all_sum(const at::Tensor& mine) override {
    return meet({"all_sum", mine, {}}, take_all);
  }

  at::Tensor sum_scatter(const at::Tensor& all, const std::vector<int64_t>& rows) override {
    return meet({"sum_scatter", all, rows}, [&](const Outcome& outcome, bool) {
      const at::NoGradGuard no_grad;
      const int64_t begin = std::accumulate(rows.begin(), rows.begin() + rank(), int64_t{0});
      return size() == 1 ? outcome.tensor : outcome.tensor.narrow(0, begin, rows[rank()]).clone();
    });
  }

  at::Tensor broadcast(const at::Tensor& mine, int root) override {
    return meet({"broadcast", mine, {}, root}, take_all);
  }

  void barrier() override { meet({"barrier", {}, {}}, take_all); }

  std::unique_ptr<Pending> start_all_sum(at::Tensor tensor) override {
    return std::make_unique<PendingSum>(meeting_, local_, std::move(tensor));
  }

  std::unique_ptr<Group> new_channel() override {
    std::shared_ptr<Meeting> meeting;
    meet({"new_channel", {}, {}}, [&meeting](const Outcome& outcome, bool) {
      meeting = outcome.meeting;
      return at::Tensor();
    });
    return std::make_unique<HostedGroup>(hosts_, std::move(meeting), local_);
  }

  void set_deadline(std::chrono::milliseconds deadline) override { hosts_.set_deadline(deadline); }
  void set_step(int64_t step) override { hosts_.set_step(local_, step); }
  void report_failure(const std::string& reason) noexcept override {
    try {
      hosts_.fail(local_, "has failed: " + reason, nullptr);
      hosts_.report_failure(local_, reason);
    } catch (...) {
      // No memory for words: the rank's end releases the others all the same.
    }
  }

 private:
  at::Tensor meet(Contribution contribution, const Meeting::Take& take) {
    const int64_t number = meeting_->bring(local_, std::move(contribution));
    return meeting_->collect(local_, number, take);
  }

  Hosts& hosts_;
  std::shared_ptr<Meeting> meeting_;
  int local_;
};

void run_rank(Hosts& hosts, const std::shared_ptr<Meeting>& meeting, int local,
              const std::function<void(Group&)>& body) {
  HostedGroup group(hosts, meeting, local);
  try {
    body(group);
    hosts.leave(local, "has returned");
  } catch (const std::exception& error) {
    hosts.fail(local, std::string("has failed: ") + error.what(), std::current_exception());
    hosts.report_failure(local, error.what());
  } catch (...) {
    hosts.fail(local, "has failed", std::current_exception());
    hosts.report_failure(local, "unknown failure");
  }
}

/// Settings that LibTorch keeps by thread.
void prepare_thread(int numeric_threads) {
  if (at::get_num_threads() != numeric_threads) at::set_num_threads(numeric_threads);
  // All backward passes of a GPU would share one thread, and the first that waits for another rank
  // there would wait for ever.
  c10::AutogradState::get_tls_state().set_multithreading_enabled(false);
}

void run_threads(Hosts& hosts, const std::shared_ptr<Meeting>& meeting,
                 const std::function<void(Group&)>& body) {
  const int numeric_threads = at::get_num_threads();
  std::vector<std::thread> threads;
  for (int local = 0; local < hosts.locals->count(); ++local) {
    try {
      threads.emplace_back([&hosts, &meeting, &body, local, numeric_threads] {
        prepare_thread(numeric_threads);
        run_rank(hosts, meeting, local, body);
      });
    } catch (const std::exception& error) {
      hosts.fail(local, "could not be started", std::current_exception());
      hosts.report_failure(local, error.what());
    }
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

void run_hosted_ranks(Group& processes, int ranks, const std::function<void(Group&)>& body) {
  Hosts hosts(processes, ranks);
  const std::shared_ptr<Meeting> meeting = make_channel(hosts, hosts.exchange);
  if (hosts.locals->count() == 1) {
    run_rank(hosts, meeting, 0, body);
  } else {
    run_threads(hosts, meeting, body);
  }
  if (const std::exception_ptr error = hosts.first_error()) std::rethrow_exception(error);
  hosts.exchange->end();
}

}  // namespace nearfar
