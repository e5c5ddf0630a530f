// A file system that fails or loses power at its N-th operation, and then forgets what was not
// synced.
#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "framework/files/file_system.h"

namespace nearfar {

/// The power is gone. Not one of the project's errors: nothing may catch it.
struct PowerLoss {};

enum class Fault {
  none,
  error,  // operation N throws EnvironmentError after doing a part; later ones work
  crash,  // operation N does a part, then PowerLoss, for every later operation too
  rot,    // operation N, if it is a write, silently stores one flipped bit
};

/// The real file system with a fault at operation `at` (1, 2, ...). A created, renamed or removed
/// name is durable only once its directory is synced; lose_unsynced() undoes those that are not.
class FaultFileSystem final : public FileSystem {
 public:
  /// `graveyard`: an empty folder on the same disk for what is removed but not yet durably so.
  FaultFileSystem(Fault fault, int64_t at, uint32_t seed, std::string graveyard);
  void make_directories(const std::string& path) override;
  void write_durably(const std::string& path, const void* bytes, size_t size) override;
  void sync_directory(const std::string& path) override;
  void rename(const std::string& from, const std::string& to) override;
  void remove_all(const std::string& path) override;

  /// Undoes each name change that was not synced with this chance, latest first.
  void lose_unsynced(double chance);
  bool fired() const { return count_ >= at_; }

 private:
  /// A change of a directory's entries that can still be lost.
  struct Change {
    enum class Kind { created, renamed, removed } kind;
    std::string path;
    std::string other;  // renamed: the old name; removed: where the content is kept
  };
  /// Counts; runs `whole`, or at the fault `part` and then throws.
  void operation(const std::string& path, const std::function<void()>& whole,
                 const std::function<void()>& part);
  void undo(const Change& change);

  Fault fault_;
  int64_t at_;
  int64_t count_ = 0;
  int64_t graves_ = 0;
  std::mt19937 random_;
  std::string graveyard_;
  std::vector<Change> unsynced_;
};

}  // namespace nearfar
