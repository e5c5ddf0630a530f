// A connection to a c10d store with a thread of its own, so that no answer is waited for for ever.
#pragma once

#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "distributed/peer_error.h"
#include "distributed/store.h"

namespace nearfar {

/// c10d's client waits for an answer without end, also of a process that is stopped. Here the
/// thread waits and the caller goes on after a bound; a thread that still waits then is left
/// behind. Thread-safe.
class StoreConnection {
 public:
  using Open = std::function<c10::intrusive_ptr<c10d::Store>()>;

  /// Throws PeerError when `open` throws or takes longer than the bound.
  StoreConnection(std::string address, Open open, std::chrono::milliseconds bound);
  ~StoreConnection();
  StoreConnection(const StoreConnection&) = delete;
  StoreConnection& operator=(const StoreConnection&) = delete;

  const std::string& address() const { return address_; }

  /// What `call` makes of the store. `call` must own what it uses: it may outlive this function.
  /// Throws PeerError naming the address when there is no answer within the bound, or none at all.
  template <typename Call>
  auto ask(Call call, std::chrono::milliseconds bound) {
    using Answer = decltype(call(std::declval<c10d::Store&>()));
    auto task = std::make_shared<std::packaged_task<Answer()>>(
        [work = work_, call = std::move(call)] { return call(*work->store); });
    std::future<Answer> answer = task->get_future();
    push([task] { (*task)(); });
    if (answer.wait_for(patience(bound)) != std::future_status::ready) refuse_to_wait(bound);
    try {
      return answer.get();
    } catch (const std::exception& error) {
      refuse(error);
    }
  }

 private:
  /// Shared with the thread, which may outlive the connection.
  struct Work {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::function<void()>> calls;
    bool closing = false;
    bool ended = false;
    bool overdue = false;  // somebody has given up waiting for the call under way
    c10::intrusive_ptr<c10d::Store> store;
  };

  static void run(Work& work);
  void close();
  void push(std::function<void()> call);
  /// Who asks while another call is overdue does not wait in vain as long again.
  std::chrono::milliseconds patience(std::chrono::milliseconds bound) const;
  [[noreturn]] void refuse_to_wait(std::chrono::milliseconds bound) const;
  [[noreturn]] void refuse(const std::exception& error) const;

  std::string address_;
  std::shared_ptr<Work> work_;
  std::thread thread_;
};

/// nearfar's view of a connection, which several may share.
class ConnectedStore final : public Store {
 public:
  /// Every call has `bound` to be answered.
  ConnectedStore(std::shared_ptr<StoreConnection> connection, std::chrono::milliseconds bound)
      : connection_(std::move(connection)), bound_(bound) {}
  void set(const std::string& key, const std::string& text) override;
  std::optional<std::string> find(const std::string& key) override;
  std::string wait_for(const std::string& key, std::chrono::milliseconds deadline) override;
  int64_t add(const std::string& key, int64_t amount) override;

  void set_bound(std::chrono::milliseconds bound) { bound_ = bound; }
  const std::shared_ptr<StoreConnection>& connection() const { return connection_; }

 private:
  std::shared_ptr<StoreConnection> connection_;
  std::atomic<std::chrono::milliseconds> bound_;
};

}  // namespace nearfar
