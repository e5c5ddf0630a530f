// Signs of life: what every rank says about itself in the store, and how often.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "distributed/store.h"

namespace nearfar {

/// How often ranks give signs of life, and when they are missed: matters of the deadline.
struct Rhythm {
  explicit Rhythm(std::chrono::milliseconds deadline);
  std::chrono::milliseconds interval;      // between signs: a second at most
  std::chrono::milliseconds silent_after;  // without a sign a rank counts as dead or stopped
};

/// What a rank does on a channel.
struct Activity {
  std::string collective;  // empty: in none
  int64_t sequence = 0;    // of the collective on this channel
  std::string what;        // what the collective is about: dtype, shape, rows, root
  bool operator==(const Activity&) const = default;
};

/// What a rank says about itself.
struct Sign {
  enum class State { running, failing, ended };  // failing: because of another rank
  int64_t count = 0;                             // of signs given so far
  int64_t written = 0;                           // milliseconds since 1970 on the rank's clock
  State state = State::running;
  int64_t step = -1;
  std::map<std::string, Activity> channels;
};

std::string to_text(const Sign& sign);

/// The sign that to_text wrote.
Sign to_sign(const std::string& text);

/// Gives this rank's signs of life from a thread of its own. Thread-safe.
class Pulse {
 public:
  /// Signs stand under `key` of the store, which outlives this and has answers or errors within a
  /// bound.
  Pulse(Store& store, std::string key, std::chrono::milliseconds deadline);
  /// The last sign says that this rank has ended.
  ~Pulse();
  Pulse(const Pulse&) = delete;
  Pulse& operator=(const Pulse&) = delete;

  void enter(const std::string& channel, Activity activity);
  void leave(const std::string& channel);
  /// At the next sign.
  void set_step(int64_t step);
  void set_deadline(std::chrono::milliseconds deadline);
  /// At once: the others shall not take this rank for the cause.
  void set_failing();

 private:
  void run();
  /// Gives a sign; what goes wrong is for the collectives to notice.
  void give_sign(std::unique_lock<std::mutex>& lock);

  Store& store_;
  const std::string key_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::chrono::milliseconds interval_;
  Sign sign_;
  bool at_once_ = false;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace nearfar
