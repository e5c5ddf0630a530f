// The real file system: contents, refusals with path and reason, and what a failed write leaves.
#include "framework/files/file_system.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <filesystem>
#include <numeric>

#include "framework/error.h"
#include "tests/framework/files/temporary_folder.h"

namespace nearfar {
namespace {

std::vector<uint8_t> counted(size_t size) {
  std::vector<uint8_t> bytes(size);
  std::iota(bytes.begin(), bytes.end(), uint8_t{0});
  return bytes;
}

template <typename Kind, typename Function>
std::string message_of(Function function) {
  try {
    function();
  } catch (const Kind& error) {
    return error.what();
  }
  return "no error";
}

/// Writes of this process stop at `size` bytes a file: the kernel then writes short.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t size) : signal_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit lowered{size, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &lowered);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, signal_);
  }

 private:
  rlimit before_{};
  void (*signal_)(int);
};

TEST(RealFileSystem, ReadsBackWhatItWrote) {
  const TemporaryFolder folder;
  for (const size_t size : {size_t{0}, size_t{1}, size_t{65536}, size_t{200001}}) {
    const auto bytes = counted(size);
    real_file_system().write_durably(folder / "file", bytes.data(), bytes.size());
    EXPECT_EQ(read_file(folder / "file"), bytes);
    EXPECT_EQ(read_text(folder / "file"), std::string(bytes.begin(), bytes.end()));
  }
}

TEST(RealFileSystem, AShorterWriteTruncates) {
  const TemporaryFolder folder;
  real_file_system().write_durably(folder / "file", "long text", 9);
  real_file_system().write_durably(folder / "file", "short", 5);
  EXPECT_EQ(read_text(folder / "file"), "short");
}

TEST(RealFileSystem, NamesPathAndReason) {
  FileSystem& files = real_file_system();
  const TemporaryFolder folder;
  const std::string missing = folder / "missing/file";
  EXPECT_EQ(message_of<EnvironmentError>([&] { files.write_durably(missing, "x", 1); }),
            missing + ": No such file or directory");
  EXPECT_EQ(message_of<EnvironmentError>([&] { files.sync_directory(missing); }),
            missing + ": No such file or directory");
  EXPECT_EQ(message_of<EnvironmentError>([&] { files.rename(missing, folder / "to"); }),
            missing + ": cannot be renamed to " + (folder / "to") + ": No such file or directory");
  files.write_durably(folder / "file", "x", 1);
  EXPECT_EQ(message_of<EnvironmentError>([&] { files.make_directories(folder / "file/below"); }),
            (folder / "file/below") + ": Not a directory");
  EXPECT_EQ(message_of<EnvironmentError>([&] { files.sync_directory(folder / "file"); }),
            (folder / "file") + ": Not a directory");
}

TEST(RealFileSystem, AFullDeviceIsAnError) {
  EXPECT_EQ(
      message_of<EnvironmentError>([] { real_file_system().write_durably("/dev/full", "x", 1); }),
      "/dev/full: No space left on device");
}

TEST(RealFileSystem, AFailedSyncIsAnError) {
  EXPECT_EQ(
      message_of<EnvironmentError>([] { real_file_system().write_durably("/dev/null", "x", 1); }),
      "/dev/null: Invalid argument");
}

TEST(RealFileSystem, AShortWriteIsContinuedUntilTheError) {
  const TemporaryFolder folder;
  const auto bytes = counted(10000);
  std::string message;
  {
    const FileSizeLimit limit(4096);
    message = message_of<EnvironmentError>(
        [&] { real_file_system().write_durably(folder / "file", bytes.data(), bytes.size()); });
  }
  EXPECT_EQ(message, (folder / "file") + ": File too large");
  EXPECT_EQ(std::filesystem::file_size(folder / "file"), 4096u);
}

TEST(RealFileSystem, MakesAndRemovesTrees) {
  FileSystem& files = real_file_system();
  const TemporaryFolder folder;
  files.make_directories(folder / "a/b/c");
  files.make_directories(folder / "a/b/c");
  files.write_durably(folder / "a/b/c/file", "x", 1);
  files.sync_directory(folder / "a/b/c");
  files.remove_all(folder / "a");
  files.remove_all(folder / "a");
  EXPECT_FALSE(std::filesystem::exists(folder / "a"));
}

TEST(ReadFile, ChecksItsLimit) {
  const TemporaryFolder folder;
  real_file_system().write_durably(folder / "file", "12345", 5);
  EXPECT_EQ(read_text(folder / "file", 5), "12345");
  EXPECT_EQ(message_of<DataError>([&] { read_text(folder / "file", 4); }),
            (folder / "file") + ": larger than the limit of 4 bytes");
  EXPECT_EQ(message_of<DataError>([] { read_file("/dev/zero", 100000); }),
            "/dev/zero: larger than the limit of 100000 bytes");
}

TEST(ReadFile, NamesPathAndReason) {
  const TemporaryFolder folder;
  EXPECT_EQ(message_of<DataError>([&] { read_file(folder / "none"); }),
            (folder / "none") + ": No such file or directory");
  EXPECT_EQ(message_of<DataError>([&] { read_file(folder.path()); }),
            folder.path() + ": Is a directory");
}

TEST(ReadFile, ReadsFilesThatDoNotKnowTheirSize) {
  EXPECT_EQ(read_text("/proc/self/comm").back(), '\n');
}

TEST(ReplaceFile, LeavesTheOldFileWhenTheNewOneDoesNotFit) {
  const TemporaryFolder folder;
  replace_file(real_file_system(), folder / "file", "old", 3);
  EXPECT_EQ(read_text(folder / "file"), "old");
  const auto bytes = counted(10000);
  std::string message;
  {
    const FileSizeLimit limit(4096);
    message = message_of<EnvironmentError>(
        [&] { replace_file(real_file_system(), folder / "file", bytes.data(), bytes.size()); });
  }
  EXPECT_EQ(message, (folder / "file.tmp") + ": File too large");
  EXPECT_EQ(read_text(folder / "file"), "old");
  EXPECT_FALSE(std::filesystem::exists(folder / "file.tmp"));
  replace_file(real_file_system(), folder / "file", bytes.data(), bytes.size());
  EXPECT_EQ(read_file(folder / "file"), bytes);
}

TEST(ParentDirectory, OfPathsAndBareNames) {
  EXPECT_EQ(parent_directory("a/b/c"), "a/b");
  EXPECT_EQ(parent_directory("/a"), "/");
  EXPECT_EQ(parent_directory("name"), ".");
}

}  // namespace
}  // namespace nearfar
