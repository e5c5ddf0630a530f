// CIFAR binary files: made ones, and damaged ones.
#include "framework/data/cifar.h"

#include <gtest/gtest.h>

#include "tests/framework/data/folder_tests.h"

namespace nearfar {
namespace {

/// Records whose pixel (y, x, c) of record r is (31 * r + 5 * y + 3 * x + 70 * c) % 256.
Bytes records(const std::vector<Bytes>& labels, int first = 0) {
  Bytes bytes;
  for (size_t r = 0; r < labels.size(); ++r) {
    bytes.insert(bytes.end(), labels[r].begin(), labels[r].end());
    for (int c = 0; c < 3; ++c) {
      for (int y = 0; y < 32; ++y) {
        for (int x = 0; x < 32; ++x) {
          bytes.push_back(
              static_cast<uint8_t>(31 * (static_cast<int>(r) + first) + 5 * y + 3 * x + 70 * c));
        }
      }
    }
  }
  return bytes;
}

void write_training_files(const TemporaryFolder& folder, const std::string& inside = "") {
  for (int i = 0; i < 5; ++i) {
    const auto label = static_cast<uint8_t>(i);
    folder.write(inside + "data_batch_" + std::to_string(i + 1) + ".bin",
                 records({{label}, {static_cast<uint8_t>(9 - i)}}, 2 * i));
  }
}

TEST(Cifar, TenHasInterleavedPixelsInFileOrder) {
  TemporaryFolder folder;
  write_training_files(folder, "cifar-10-batches-bin/");
  folder.write("cifar-10-batches-bin/test_batch.bin", records({{7}}));
  folder.write("cifar-10-batches-bin/batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n");
  DataConfig config;
  config.path = folder.path();
  Log log;
  const DataParts parts = open_data(config, log);
  EXPECT_EQ(parts.train->info().format, "cifar10");
  EXPECT_EQ(parts.train->info().size, 10);
  EXPECT_EQ(parts.train->info().class_names[9], "j");
  EXPECT_EQ(parts.test->label(0), 7);
  EXPECT_EQ(parts.train->label(7), 6);
  EXPECT_EQ(parts.train->place(7), (folder / "cifar-10-batches-bin/data_batch_4.bin") + "[1]");
  PixelBuffer storage;
  const Image image = parts.train->read(7, storage);
  for (int y = 0; y < 32; ++y) {
    for (int x = 0; x < 32; ++x) {
      for (int c = 0; c < 3; ++c) {
        ASSERT_EQ(image.pixels[(y * 32 + x) * 3 + c], (31 * 7 + 5 * y + 3 * x + 70 * c) % 256);
      }
    }
  }
}

TEST(Cifar, HundredHasTheFineLabels) {
  TemporaryFolder folder;
  folder.write("train.bin", records({{3, 99}, {4, 50}}));
  const DataParts parts = open_cifar100(folder.path(), "x");
  EXPECT_EQ(parts.train->label(0), 99);
  EXPECT_EQ(parts.train->label(1), 50);
  EXPECT_EQ(parts.train->info().class_names.size(), 100u);
  EXPECT_EQ(parts.test, nullptr);
}

TEST(Cifar, DamagedFilesAreNamed) {
  TemporaryFolder folder;
  write_training_files(folder);
  Bytes cut = records({{1}, {2}});
  cut.pop_back();
  std::string path = folder.write("data_batch_3.bin", cut);
  EXPECT_EQ(message_of<DataError>([&] { open_cifar10(folder.path(), "x"); }),
            path + ": expected whole records of 3073 bytes, found 6145 bytes (truncated?)");
  folder.write("data_batch_3.bin", records({{1}, {10}}));
  EXPECT_EQ(message_of<DataError>([&] { open_cifar10(folder.path(), "x"); }),
            path + "[1]: expected a label below 10, found 10");
  std::filesystem::remove(path);
  EXPECT_TRUE(contains(message_of<DataError>([&] { open_cifar10(folder.path(), "x"); }),
                       path + ": cannot be opened"));
  write_training_files(folder);
  path = folder.write("batches.meta.txt", "a\nb\n");
  EXPECT_EQ(message_of<DataError>([&] { open_cifar10(folder.path(), "x"); }),
            path + ": expected 10 class names, found 2");
}

}  // namespace
}  // namespace nearfar
