// Calls handed on to a connection.
#include "distributed/c10d_shared_store.h"

#include <algorithm>

namespace nearfar {

using std::chrono::milliseconds;

c10::intrusive_ptr<c10d::Store> SharedStore::clone() {
  return c10::make_intrusive<SharedStore>(connection_, prefix_, bound_);
}

void SharedStore::set(const std::string& key, const std::vector<uint8_t>& value) {
  connection_->ask(
      [key = prefix_ + key, value](c10d::Store& store) {
        store.set(key, value);
        return true;
      },
      bound_);
}

std::vector<uint8_t> SharedStore::compareSet(const std::string& key,
                                             const std::vector<uint8_t>& expected,
                                             const std::vector<uint8_t>& desired) {
  return connection_->ask(
      [key = prefix_ + key, expected, desired](c10d::Store& store) {
        return store.compareSet(key, expected, desired);
      },
      bound_);
}

std::vector<uint8_t> SharedStore::get(const std::string& key) {
  wait({key});
  return connection_->ask([key = prefix_ + key](c10d::Store& store) { return store.get(key); },
                          bound_);
}

int64_t SharedStore::add(const std::string& key, int64_t value) {
  return connection_->ask(
      [key = prefix_ + key, value](c10d::Store& store) { return store.add(key, value); }, bound_);
}

bool SharedStore::deleteKey(const std::string& key) {
  return connection_->ask(
      [key = prefix_ + key](c10d::Store& store) { return store.deleteKey(key); }, bound_);
}

bool SharedStore::check(const std::vector<std::string>& keys) {
  std::vector<std::string> full;
  for (const std::string& key : keys) full.push_back(prefix_ + key);
  return connection_->ask([full](c10d::Store& store) { return store.check(full); }, bound_);
}

int64_t SharedStore::getNumKeys() {
  return connection_->ask([](c10d::Store& store) { return store.getNumKeys(); }, bound_);
}

void SharedStore::wait(const std::vector<std::string>& keys) { wait(keys, timeout_); }

void SharedStore::wait(const std::vector<std::string>& keys, const milliseconds& timeout) {
  const auto end = std::chrono::steady_clock::now() + timeout;
  milliseconds pause(1);
  while (!check(keys)) {
    if (std::chrono::steady_clock::now() + pause > end) {
      throw PeerError("nobody has set " + prefix_ + keys.front() + " in time");
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, milliseconds(50));
  }
}

}  // namespace nearfar
