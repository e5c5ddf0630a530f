// Counts operations, breaks one, and keeps what is needed to undo changes that were not synced.
#include "tests/framework/checkpoint/fault_file_system.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "framework/error.h"

namespace nearfar {
namespace {

bool is_below(const std::string& path, const std::string& folder) {
  return path == folder || path.starts_with(folder + "/");
}

}  // namespace

FaultFileSystem::FaultFileSystem(Fault fault, int64_t at, uint32_t seed, std::string graveyard)
    : fault_(fault), at_(at), random_(seed), graveyard_(std::move(graveyard)) {}

void FaultFileSystem::operation(const std::string& path, const std::function<void()>& whole,
                                const std::function<void()>& part) {
  ++count_;
  if (fault_ == Fault::crash && count_ > at_) throw PowerLoss();
  const bool now = count_ == at_;
  if (now && (fault_ == Fault::error || fault_ == Fault::crash)) {
    part();
    if (fault_ == Fault::crash) throw PowerLoss();
    throw EnvironmentError(path + ": No space left on device");
  }
  whole();
}

void FaultFileSystem::make_directories(const std::string& path) {
  operation(
      path,
      [&] {
        if (!std::filesystem::exists(path)) unsynced_.push_back({Change::Kind::created, path, ""});
        real_file_system().make_directories(path);
      },
      [] {});
}

void FaultFileSystem::write_durably(const std::string& path, const void* bytes, size_t size) {
  const auto write = [&](const void* data, size_t count) {
    if (!std::filesystem::exists(path)) unsynced_.push_back({Change::Kind::created, path, ""});
    // No fsync: the power loss is simulated, and hundreds of real ones would wait for the disk.
    std::ofstream file(path, std::ios::binary);
    file.write(static_cast<const char*>(data), static_cast<std::streamsize>(count));
    if (!file.flush()) throw EnvironmentError(path + ": cannot be written");
  };
  const bool rots = fault_ == Fault::rot && count_ + 1 == at_ && size > 0;
  const auto whole = [&] {
    const auto* first = static_cast<const uint8_t*>(bytes);
    std::vector<uint8_t> copy(first, first + size);
    if (rots) copy[random_() % size] ^= static_cast<uint8_t>(1u << random_() % 8);
    write(copy.data(), copy.size());
  };
  operation(path, whole, [&] { write(bytes, random_() % (size + 1)); });
}

void FaultFileSystem::sync_directory(const std::string& path) {
  const auto sync = [&] {
    std::erase_if(unsynced_,
                  [&](const Change& change) { return parent_directory(change.path) == path; });
  };
  operation(path, sync, [] {});
}

void FaultFileSystem::rename(const std::string& from, const std::string& to) {
  const auto move = [&] {
    real_file_system().rename(from, to);
    for (Change& change : unsynced_) {
      if (is_below(change.path, from)) change.path = to + change.path.substr(from.size());
    }
    unsynced_.push_back({Change::Kind::renamed, to, from});
  };
  // A rename is atomic: at the fault it has happened or it has not.
  operation(from, move, [&] {
    if (random_() % 2) move();
  });
}

void FaultFileSystem::remove_all(const std::string& path) {
  const auto bury = [&] {
    if (!std::filesystem::exists(path)) return;
    const std::string grave = graveyard_ + "/" + std::to_string(graves_++);
    real_file_system().rename(path, grave);
    unsynced_.push_back({Change::Kind::removed, path, grave});
  };
  const auto bury_some = [&] {
    if (!std::filesystem::is_directory(path)) return;
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      if (random_() % 2) std::filesystem::remove(entry.path());
    }
  };
  operation(path, bury, bury_some);
}

void FaultFileSystem::undo(const Change& change) {
  std::error_code ignored;  // an undone change may lie in a folder that is itself undone
  switch (change.kind) {
    case Change::Kind::created:
      std::filesystem::remove_all(change.path, ignored);
      break;
    case Change::Kind::renamed:
    case Change::Kind::removed: {
      const bool back = change.kind == Change::Kind::renamed;
      std::filesystem::rename(back ? change.path : change.other, back ? change.other : change.path,
                              ignored);
      break;
    }
  }
}

void FaultFileSystem::lose_unsynced(double chance) {
  std::bernoulli_distribution lost(chance);
  for (auto change = unsynced_.rbegin(); change != unsynced_.rend(); ++change) {
    if (lost(random_)) undo(*change);
  }
  unsynced_.clear();
}

}  // namespace nearfar
