// A thread that writes one text about once a second.
#include "distributed/pulse.h"

#include <algorithm>
#include <exception>
#include <sstream>
#include <utility>

namespace nearfar {
namespace {

using std::chrono::milliseconds;

int64_t now() {
  return std::chrono::duration_cast<milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

Rhythm::Rhythm(milliseconds deadline)
    : silent_after(std::clamp(deadline / 3, milliseconds(200), milliseconds(5000))) {
  interval = std::min(silent_after / 4, milliseconds(1000));
}

std::string to_text(const Sign& sign) {
  std::ostringstream text;
  text << sign.count << ' ' << sign.written << ' ' << static_cast<int>(sign.state) << ' '
       << sign.step << '\n';
  for (const auto& [channel, activity] : sign.channels) {
    text << channel << ' ' << activity.sequence << ' ' << activity.collective << ' '
         << activity.what << '\n';
  }
  return text.str();
}

Sign to_sign(const std::string& text) {
  std::istringstream stream(text);
  Sign sign;
  int state = 0;
  stream >> sign.count >> sign.written >> state >> sign.step;
  sign.state = static_cast<Sign::State>(state);
  std::string channel;
  Activity activity;
  // The collective may be empty, so that the fields are cut by single blanks.
  while (stream >> channel >> activity.sequence && stream.get() == ' ' &&
         std::getline(stream, activity.collective, ' ') && std::getline(stream, activity.what)) {
    sign.channels[channel] = activity;
  }
  return sign;
}

Pulse::Pulse(Store& store, std::string key, milliseconds deadline)
    : store_(store), key_(std::move(key)), interval_(Rhythm(deadline).interval) {
  thread_ = std::thread([this] { run(); });
}

Pulse::~Pulse() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void Pulse::enter(const std::string& channel, Activity activity) {
  const std::lock_guard lock(mutex_);
  sign_.channels[channel] = std::move(activity);
}

void Pulse::leave(const std::string& channel) {
  const std::lock_guard lock(mutex_);
  Activity& activity = sign_.channels[channel];
  activity.collective.clear();
  activity.what.clear();
}

void Pulse::set_step(int64_t step) {
  const std::lock_guard lock(mutex_);
  sign_.step = step;
}

void Pulse::set_deadline(milliseconds deadline) {
  const std::lock_guard lock(mutex_);
  interval_ = Rhythm(deadline).interval;
  changed_.notify_all();
}

void Pulse::set_failing() {
  const std::lock_guard lock(mutex_);
  sign_.state = Sign::State::failing;
  at_once_ = true;
  changed_.notify_all();
}

void Pulse::run() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    give_sign(lock);
    changed_.wait_for(lock, interval_, [this] { return ending_ || at_once_; });
    at_once_ = false;
  }
  if (sign_.state == Sign::State::running) sign_.state = Sign::State::ended;
  give_sign(lock);
}

void Pulse::give_sign(std::unique_lock<std::mutex>& lock) {
  ++sign_.count;
  sign_.written = now();
  const std::string text = to_text(sign_);
  lock.unlock();
  try {
    store_.set(key_, text);
  } catch (const std::exception&) {
    // Whoever serves the store is gone: the next collective finds out.
  }
  lock.lock();
}

}  // namespace nearfar
