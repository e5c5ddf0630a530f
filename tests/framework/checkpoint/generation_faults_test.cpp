// Every operation of saving fails or loses power once: the newest valid generation is never lost.
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <cerrno>
#include <filesystem>

#include "framework/checkpoint/generations.h"
#include "framework/error.h"
#include "tests/framework/checkpoint/fault_file_system.h"
#include "tests/framework/files/temporary_folder.h"

namespace nearfar {
namespace {

/// What a run saves at a step; the last save repeats a step with other contents, as a finished run
/// does.
struct Save {
  int64_t step;
  int version;
};
constexpr Save kSaves[] = {{1, 0}, {2, 0}, {3, 0}, {3, 1}, {10, 0}};

std::vector<uint8_t> contents_of(const Save& save) {
  std::vector<uint8_t> bytes(static_cast<size_t>(200 + save.step), static_cast<uint8_t>(save.step));
  bytes.back() = static_cast<uint8_t>(save.version);
  return bytes;
}

Generation perform(FileSystem& files, const std::string& folder, const Save& save) {
  return save_generation(files, folder, save.step,
                         Json::object({{"version", Json(save.version)}, {"step", Json(save.step)}}),
                         {{"model", contents_of(save)}, {"optimizer", contents_of({save.step, 9})}},
                         2);
}

/// The position in kSaves of the newest generation, -1 without one. Its bytes must be those saved.
int newest_position(const std::string& folder) {
  Log quiet;
  std::optional<Generation> found;
  try {
    found = newest_generation(folder, quiet);
  } catch (const CheckpointError&) {  // the very first one was torn
    return -1;
  }
  if (!found) return -1;
  const int version = static_cast<int>(found->state.at("version").as_int());
  for (int i = 0; i < static_cast<int>(std::size(kSaves)); ++i) {
    if (kSaves[i].step != found->step || kSaves[i].version != version) continue;
    EXPECT_EQ(read_file(found->path + "/model"), contents_of(kSaves[i]));
    EXPECT_EQ(read_file(found->path + "/optimizer"), contents_of({found->step, 9}));
    return i;
  }
  ADD_FAILURE() << "a generation that nobody saved: " << found->path;
  return -1;
}

/// Runs all saves on `files`; a failed one is given up and the next is tried. Returns the position
/// of the last that reported success.
int perform_all(FileSystem& files, const std::string& folder, int& errors) {
  int last = -1;
  for (int i = 0; i < static_cast<int>(std::size(kSaves)); ++i) {
    try {
      perform(files, folder, kSaves[i]);
      last = i;
    } catch (const EnvironmentError&) {
      ++errors;
      EXPECT_GE(newest_position(folder), last);
    } catch (const PowerLoss&) {
      break;
    }
  }
  return last;
}

void expect_saving_goes_on(const std::string& folder, const std::string& graveyard) {
  FaultFileSystem files(Fault::none, 0, 0, graveyard);
  perform(files, folder, {20, 0});
  Log quiet;
  EXPECT_EQ(newest_generation(folder, quiet)->step, 20);
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    EXPECT_NE(entry.path().extension(), ".tmp") << entry.path();
  }
}

/// One run with a fault at operation `at`; false when the fault lies beyond the last operation.
bool run_with_fault(Fault fault, int64_t at, double lost, uint32_t seed) {
  SCOPED_TRACE("operation " + std::to_string(at) + ", seed " + std::to_string(seed));
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "graves");
  FaultFileSystem files(fault, at, seed, folder / "graves");
  const std::string checkpoints = folder / "checkpoints";
  int errors = 0;
  const int last = perform_all(files, checkpoints, errors);
  const bool fired = files.fired();
  files.lose_unsynced(lost);
  const int newest = newest_position(checkpoints);
  EXPECT_GE(newest, last) << "a save that reported success is gone";
  EXPECT_LE(newest, last + 1);
  EXPECT_LE(errors, 1);
  std::filesystem::create_directory(folder / "more_graves");
  expect_saving_goes_on(checkpoints, folder / "more_graves");
  return fired;
}

/// Faults at operation 1, 2, 3 ... until none fires. Returns how many fired.
int64_t run_with_every_fault(Fault fault, double lost, uint32_t seed) {
  int64_t at = 1;
  while (!testing::Test::HasFailure() && run_with_fault(fault, at, lost, seed)) {
    ++at;
  }
  return at - 1;
}

// Five saves need at least mkdir, three writes, rename and four syncs each.
constexpr int64_t kFewestOperations = 45;

TEST(GenerationFaults, AnErrorAtEveryOperation) {
  EXPECT_GE(run_with_every_fault(Fault::error, 0.0, 1), kFewestOperations);
}

TEST(GenerationFaults, APowerLossAtEveryOperationThatLosesNothingElse) {
  EXPECT_GE(run_with_every_fault(Fault::crash, 0.0, 2), kFewestOperations);
}

TEST(GenerationFaults, APowerLossAtEveryOperationThatLosesAllThatIsNotSynced) {
  EXPECT_GE(run_with_every_fault(Fault::crash, 1.0, 3), kFewestOperations);
}

TEST(GenerationFaults, APowerLossAtEveryOperationThatLosesSome) {
  for (const uint32_t seed : {4u, 5u, 6u, 7u}) {
    EXPECT_GE(run_with_every_fault(Fault::crash, 0.5, seed), kFewestOperations);
  }
}

TEST(GenerationFaults, AWriteThatRotsIsNoticedAndTheOldOnesStay) {
  int noticed = 0;
  for (int64_t at = 1; at <= 20; ++at) {
    const TemporaryFolder folder;
    std::filesystem::create_directory(folder / "graves");
    const std::string checkpoints = folder / "checkpoints";
    for (const int64_t step : {1, 2}) perform(real_file_system(), checkpoints, {step, 0});
    FaultFileSystem files(Fault::rot, at, static_cast<uint32_t>(at), folder / "graves");
    try {
      perform(files, checkpoints, {3, 0});
    } catch (const EnvironmentError& error) {
      ++noticed;
      EXPECT_NE(std::string(error.what()).find("reads back damaged"), std::string::npos);
      Log quiet;
      EXPECT_EQ(newest_generation(checkpoints, quiet)->step, 2);
      EXPECT_NO_THROW(load_generation(checkpoints + "/gen-1"));
    }
  }
  EXPECT_EQ(noticed, 3);  // model, optimizer, manifest
}

/// A file system of one megabyte, when the process may mount one.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& path) : path_(path) {
    mounted_ = ::mount("tmpfs", path.c_str(), "tmpfs", 0, "size=1m") == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }

 private:
  std::string path_;
  bool mounted_ = false;
};

TEST(GenerationFaults, AFullDiskIsNamedAndLeavesRoomAgain) {
  const TemporaryFolder folder;
  const TemporaryFolder graves;
  const SmallDisk disk(folder.path());
  // Without the right to mount, the fourth operation of the third save (its first write) stands in.
  FaultFileSystem injected(Fault::error, 4, 1, graves.path());
  FileSystem& full = disk.mounted() ? real_file_system() : injected;
  const std::string checkpoints = folder / "checkpoints";
  const std::vector<uint8_t> big(400 << 10, 7), small(1000, 7);
  const auto save = [&](FileSystem& files, int64_t step, const std::vector<uint8_t>& bytes) {
    save_generation(files, checkpoints, step, Json::object(), {{"model", bytes}}, 2);
  };
  save(real_file_system(), 1, big);
  save(real_file_system(), 2, big);
  try {
    save(full, 3, big);
    FAIL() << "1.2 MB on a disk of 1 MB";
  } catch (const EnvironmentError& error) {
    EXPECT_EQ(std::string(error.what()), checkpoints + "/gen-3.tmp/model: No space left on device");
  }
  Log quiet;
  EXPECT_EQ(newest_generation(checkpoints, quiet)->step, 2);
  EXPECT_FALSE(std::filesystem::exists(checkpoints + "/gen-3.tmp"));
  save(real_file_system(), 4, small);
  EXPECT_EQ(newest_generation(checkpoints, quiet)->step, 4);
}

}  // namespace
}  // namespace nearfar
