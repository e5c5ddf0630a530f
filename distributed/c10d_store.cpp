// Stores over c10d's TCPStore, which torchrun speaks too.
#include "distributed/c10d_store.h"

#include <c10/util/Exception.h>
#include <c10/util/Logging.h>

#include <algorithm>
#include <sstream>

#include "distributed/sockets.h"

namespace nearfar {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// Of whoever serves and of whoever asks in one process: an answer is a matter of microseconds.
constexpr milliseconds kOwnStoreBound{30'000};
constexpr milliseconds kOverduePatience{50};
// Torchrun keeps keys of its own in the store that it serves.
constexpr const char* kPrefix = "nearfar/";

std::string seconds(milliseconds time) {
  std::ostringstream text;
  text << static_cast<double>(time.count()) / 1000.0 << " s";
  return text.str();
}

/// c10d prints a stack of addresses before it throws; what it throws says it all. The level is the
/// process's: it is raised for the microseconds of a call alone.
class Quiet {
 public:
  Quiet() {
    const std::lock_guard lock(mutex_);
    if (calls_++ == 0) before_ = std::exchange(FLAGS_caffe2_log_level, c10::GLOG_ERROR);
  }
  ~Quiet() {
    const std::lock_guard lock(mutex_);
    if (--calls_ == 0) FLAGS_caffe2_log_level = before_;
  }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;

 private:
  static inline std::mutex mutex_;
  static inline int calls_ = 0, before_ = 0;
};

std::vector<uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

c10d::TCPStoreOptions client_options(int port, milliseconds deadline) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(port);
  options.waitWorkers = false;
  options.timeout = std::max(deadline, milliseconds(1000));
  return options;
}

}  // namespace

StoreConnection::StoreConnection(std::string address, Open open, milliseconds bound)
    : address_(std::move(address)), work_(std::make_shared<Work>()) {
  thread_ = std::thread([work = work_] { run(*work); });
  auto task = std::make_shared<std::packaged_task<void()>>(
      [work = work_, open = std::move(open)] { work->store = open(); });
  std::future<void> opened = task->get_future();
  push([task] { (*task)(); });
  try {
    if (opened.wait_for(bound) != std::future_status::ready) refuse_to_wait(bound);
    try {
      opened.get();
    } catch (const std::exception& error) {
      refuse(error);
    }
  } catch (...) {
    close();
    throw;
  }
}

StoreConnection::~StoreConnection() { close(); }

void StoreConnection::close() {
  std::unique_lock lock(work_->mutex);
  work_->closing = true;
  work_->changed.notify_all();
  const bool ended = !work_->overdue && work_->changed.wait_for(lock, std::chrono::seconds(1),
                                                                [&] { return work_->ended; });
  lock.unlock();
  ended ? thread_.join() : thread_.detach();
}

void StoreConnection::run(Work& work) {
  std::unique_lock lock(work.mutex);
  while (true) {
    work.changed.wait(lock, [&] { return work.closing || !work.calls.empty(); });
    if (work.calls.empty()) break;
    const std::function<void()> call = std::move(work.calls.front());
    work.calls.pop_front();
    lock.unlock();
    {
      const Quiet quiet;
      call();
    }
    lock.lock();
    work.overdue = false;
  }
  lock.unlock();
  work.store.reset();
  lock.lock();
  work.ended = true;
  work.changed.notify_all();
}

void StoreConnection::push(std::function<void()> call) {
  const std::lock_guard lock(work_->mutex);
  work_->calls.push_back(std::move(call));
  work_->changed.notify_all();
}

milliseconds StoreConnection::patience(milliseconds bound) const {
  const std::lock_guard lock(work_->mutex);
  return work_->overdue ? std::min(bound, kOverduePatience) : bound;
}

void StoreConnection::refuse_to_wait(milliseconds bound) const {
  {
    const std::lock_guard lock(work_->mutex);
    work_->overdue = true;
  }
  throw PeerError("the store at " + address_ + " has not answered for " + seconds(bound));
}

void StoreConnection::refuse(const std::exception& error) const {
  const auto* c10_error = dynamic_cast<const c10::Error*>(&error);
  const std::string why = c10_error ? c10_error->what_without_backtrace() : error.what();
  throw PeerError("the store at " + address_ + " is gone: " + why.substr(0, why.find('\n')));
}

void ConnectedStore::set(const std::string& key, const std::string& text) {
  connection_->ask(
      [key = kPrefix + key, text](c10d::Store& store) {
        store.set(key, bytes_of(text));
        return true;
      },
      bound_);
}

std::optional<std::string> ConnectedStore::find(const std::string& key) {
  return connection_->ask(
      [key = kPrefix + key](c10d::Store& store) -> std::optional<std::string> {
        if (!store.check({key})) return std::nullopt;
        const std::vector<uint8_t> bytes = store.get(key);
        return std::string(bytes.begin(), bytes.end());
      },
      bound_);
}

std::string ConnectedStore::wait_for(const std::string& key, milliseconds deadline) {
  // Waiting on the server would occupy the connection for whoever shares it.
  const auto end = Clock::now() + deadline;
  milliseconds pause(1);
  while (true) {
    if (std::optional<std::string> text = find(key)) return *std::move(text);
    if (Clock::now() + pause > end) break;
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, milliseconds(50));
  }
  throw PeerError("the store at " + connection_->address() + " has no " + key + " after " +
                  seconds(deadline));
}

int64_t ConnectedStore::add(const std::string& key, int64_t amount) {
  return connection_->ask(
      [key = kPrefix + key, amount](c10d::Store& store) { return store.add(key, amount); }, bound_);
}

ServedStore serve_store(int port) {
  const Listener listener = listen_at(port);
  auto connection = std::make_shared<StoreConnection>(
      "127.0.0.1:" + std::to_string(listener.port),
      [listener] {
        c10d::TCPStoreOptions options = client_options(listener.port, kOwnStoreBound);
        options.isServer = true;
        options.masterListenFd = listener.socket;
        return c10::make_intrusive<c10d::TCPStore>("127.0.0.1", options);
      },
      kOwnStoreBound);
  return {std::make_unique<ConnectedStore>(std::move(connection), kOwnStoreBound), listener.port};
}

std::unique_ptr<Store> connect_store(const std::string& host, int port, milliseconds deadline) {
  const auto begin = Clock::now();
  // The numeric address: c10d warns about names that have no IPv6 address.
  const std::string address = wait_until_served(host, port, deadline);
  const auto left = std::chrono::duration_cast<milliseconds>(begin + deadline - Clock::now());
  auto connection = std::make_shared<StoreConnection>(
      host + ":" + std::to_string(port),
      [address, options = client_options(port, left)] {
        return c10::make_intrusive<c10d::TCPStore>(address, options);
      },
      std::max(left, milliseconds(1000)));
  return std::make_unique<ConnectedStore>(std::move(connection), deadline);
}

}  // namespace nearfar
