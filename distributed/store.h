// The texts that all ranks of a run can see: where they meet, who is alive, who failed and why.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace nearfar {

/// A table of texts by key, served by one process. Thread-safe. Throws PeerError naming the address
/// when the process that serves it is gone.
class Store {
 public:
  virtual ~Store() = default;
  virtual void set(const std::string& key, const std::string& text) = 0;
  /// The text, or nothing when there is none yet; does not wait.
  virtual std::optional<std::string> find(const std::string& key) = 0;
  /// Waits for the text. Throws PeerError naming the key when none comes in time.
  virtual std::string wait_for(const std::string& key, std::chrono::milliseconds deadline) = 0;
  /// Adds to a number that starts at 0 and returns the result.
  virtual int64_t add(const std::string& key, int64_t amount) = 0;
};

/// A store served by this process while the object lives.
struct ServedStore {
  std::unique_ptr<Store> store;
  int port = 0;
};

/// Serves a store at `port` (0: any that is free). Throws EnvironmentError's equivalent,
/// std::system_error, when the port is taken.
ServedStore serve_store(int port);

/// Connects to a store, waiting for it to be served. Throws PeerError naming host and port when it
/// is not there in time.
std::unique_ptr<Store> connect_store(const std::string& host, int port,
                                     std::chrono::milliseconds deadline);

}  // namespace nearfar
