// Beginning, comparing, waiting; and leaving without waiting for ranks that do not come.
#include "distributed/c10d_channel.h"

#include <torch/types.h>

#include <algorithm>
#include <exception>
#include <thread>
#include <utility>

#include "distributed/collective_checks.h"

namespace nearfar {
namespace {

// Gloo ends the process where ranks bring tensors of unequal size. Programs that differ between
// ranks do so from their first steps on: there every collective is compared before it is begun.
constexpr int64_t kComparedAtFirst = 256;

}  // namespace

class Channel::Started final : public Pending {
 public:
  Started(Channel& channel, Activity activity, Work work)
      : channel_(channel), activity_(std::move(activity)), work_(std::move(work)) {}
  void wait() override { channel_.wait_for(activity_, work_); }

 private:
  Channel& channel_;
  Activity activity_;
  Work work_;
};

Channel::Channel(std::shared_ptr<ConnectedRanks> ranks, std::string name)
    : ranks_(std::move(ranks)), name_(std::move(name)), backend_(ranks_->connect(name_)) {
  if (!ranks_->device().is_cpu()) watch_ = std::make_unique<Watch>(*ranks_, name_, backend_);
  // Who is connected could use the channel and leave while others are still connecting.
  meet("connecting");
}

bool Channel::is_idle() const {
  return std::all_of(started_.begin(), started_.end(),
                     [](const Work& work) { return work->isCompleted(); });
}

Channel::~Channel() {
  // What a GPU has begun ends, or the watch ends it.
  while (watch_ && !is_idle() && !ranks_->has_failed() && std::uncaught_exceptions() == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  watch_.reset();
  if (is_idle() && !ranks_->has_failed()) {
    backend_->shutdown();
    return;
  }
  backend_->abort();
  // Gloo cannot abort: its destructor would wait for ranks that may never come. What is left behind
  // ends with the process.
  if (!is_idle() && ranks_->device().is_cpu()) static_cast<void>(backend_.release());
}

Channel::Work Channel::begin_or_throw(const Activity& activity, const Begin& begin) {
  try {
    Work work = begin();
    if (watch_) watch_->add(activity, work);
    return work;
  } catch (const std::exception& error) {
    throw ranks_->failure_of({name_, activity, error.what()});
  }
}

void Channel::wait_for(const Activity& activity, const Work& work) {
  try {
    if (!watch_) ranks_->pulse().enter(name_, activity);
    work->wait();
    if (!watch_) ranks_->pulse().leave(name_);
  } catch (const std::exception& error) {
    throw ranks_->failure_of({name_, activity, error.what()});
  }
}

void Channel::carry_out(const char* collective, std::string what, const Begin& begin) {
  const at::NoGradGuard no_grad;
  const Activity activity{collective, ++sequence_, std::move(what)};
  ranks_->refuse_if_failed();
  if (!watch_ && compared_ < kComparedAtFirst) compare(activity);
  wait_for(activity, begin_or_throw(activity, begin));
}

std::unique_ptr<Pending> Channel::start(const char* collective, std::string what,
                                        const Begin& begin) {
  const at::NoGradGuard no_grad;
  Activity activity{collective, ++sequence_, std::move(what)};
  ranks_->refuse_if_failed();
  Work work = begin_or_throw(activity, begin);
  std::erase_if(started_, [](const Work& one) { return one->isCompleted(); });
  started_.push_back(work);
  return std::make_unique<Started>(*this, std::move(activity), std::move(work));
}

void Channel::compare(const Activity& activity) {
  ++compared_;
  const int64_t mine = fingerprint(activity.collective + " " + activity.what);
  at::Tensor input = at::full({1}, mine, at::kLong);
  at::Tensor output = at::empty({ranks_->size()}, at::kLong);
  wait_for(activity, begin_or_throw(activity, [&] {
             return backend_->_allgather_base(output, input, {.timeout = ranks_->deadline()});
           }));
  if (output.ne(mine).any().item<bool>()) {
    throw ranks_->failure_of({name_, activity, "the ranks ask for different collectives"});
  }
}

Channel::Work Channel::sum(at::Tensor flat) {
  std::vector<at::Tensor> tensors{std::move(flat)};
  c10d::AllreduceOptions options;
  options.timeout = ranks_->deadline();
  return backend_->allreduce(tensors, options);
}

void Channel::meet(const char* collective) {
  at::Tensor one = at::ones({1}, at::TensorOptions(at::kFloat).device(ranks_->device()));
  carry_out(collective, "", [&] { return sum(one); });
  static_cast<void>(one.item<float>());  // a GPU's work goes on in the background
  ranks_->refuse_if_failed();
}

}  // namespace nearfar
