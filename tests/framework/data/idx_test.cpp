// idx files: the real Fashion-MNIST where it is installed, made ones, and damaged ones.
#include "framework/data/idx.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <numeric>

#include "framework/data/statistics.h"
#include "tests/framework/data/folder_tests.h"

namespace nearfar {
namespace {

const char* const kFashionMnist = "/usr/share/datasets/fashion-mnist";

Bytes idx(uint32_t magic, const std::vector<uint32_t>& sizes, size_t body) {
  Bytes bytes;
  const auto number = [&](uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8)
      bytes.push_back(static_cast<uint8_t>(value >> shift));
  };
  number(magic);
  for (uint32_t size : sizes) number(size);
  for (size_t i = 0; i < body; ++i) bytes.push_back(static_cast<uint8_t>(i * 7 % 251));
  return bytes;
}

Bytes images(uint32_t count, uint32_t rows, uint32_t columns) {
  return idx(0x803, {count, rows, columns}, size_t{count} * rows * columns);
}

Bytes labels(std::vector<uint8_t> values) {
  Bytes bytes = idx(0x801, {static_cast<uint32_t>(values.size())}, 0);
  bytes.insert(bytes.end(), values.begin(), values.end());
  return bytes;
}

Bytes gzip(const Bytes& plain) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  Bytes packed(plain.size() + 1000);
  stream.next_in = const_cast<uint8_t*>(plain.data());
  stream.avail_in = static_cast<unsigned>(plain.size());
  stream.next_out = packed.data();
  stream.avail_out = static_cast<unsigned>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string images_error(const Bytes& bytes) {
  TemporaryFolder folder;
  const std::string path = folder.write("file", bytes);
  const std::string message = message_of<DataError>([&] { read_idx_images(path); });
  if (message.empty()) return "";
  EXPECT_TRUE(contains(message, path)) << message;
  return message.substr(std::min(message.size(), path.size() + 2));
}

TEST(Idx, ReadsPixelsPlainAndGzipped) {
  for (bool packed : {false, true}) {
    TemporaryFolder folder;
    const Bytes file = images(3, 4, 5);
    const IdxImages read = read_idx_images(folder.write("file", packed ? gzip(file) : file));
    EXPECT_EQ(read.count, 3);
    EXPECT_EQ(read.height, 4);
    EXPECT_EQ(read.width, 5);
    EXPECT_EQ(read.pixels, Bytes(file.begin() + 16, file.end()));
  }
}

TEST(Idx, DamagedFilesAreNamed) {
  const Bytes good = images(3, 4, 5);
  EXPECT_EQ(images_error(good), "");
  EXPECT_EQ(images_error({}), "expected an idx header of 16 bytes, found 0");
  EXPECT_EQ(images_error(labels({1, 2, 3, 4, 5, 6, 7, 8})),
            "expected idx magic 0x00000803, found 0x00000801");
  Bytes shorter(good.begin(), good.end() - 1);
  EXPECT_EQ(images_error(shorter),
            "expected 60 bytes of 3 images of 4x5 pixels, found 59 (truncated?)");
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_EQ(images_error(longer), "expected 60 bytes of 3 images of 4x5 pixels, found more");
  EXPECT_EQ(images_error(images(0, 4, 5)),
            "expected at least one image with sides of 1 to 65536, found 0 images of 4x5 pixels");
}

TEST(Idx, ClaimsAreHeldAgainstTheFileBeforeMemoryIsTaken) {
  // 4e9 * 65536 * 65536 bytes would not fit any machine: an attempt to allocate would throw
  // bad_alloc.
  EXPECT_TRUE(contains(images_error(idx(0x803, {4000000000u, 65536, 65536}, 10)),
                       "found a file that holds 26 bytes at most"));
  EXPECT_TRUE(contains(images_error(idx(0x803, {4000000000u, 4, 4}, 10)),
                       "found a file that holds 26 at most"));
}

TEST(Idx, DamagedGzip) {
  Bytes packed = gzip(images(30, 40, 50));
  const Bytes half(packed.begin(), packed.begin() + static_cast<int64_t>(packed.size() / 2));
  EXPECT_TRUE(contains(images_error(half), "(truncated?)"));
  packed[packed.size() - 6] ^= 1;  // the checksum
  EXPECT_TRUE(contains(images_error(packed), "damaged file"));
}

TEST(Idx, LabelsMustFitTheImages) {
  TemporaryFolder folder;
  folder.write("train-images-idx3-ubyte", images(3, 4, 5));
  const std::string path = folder.write("train-labels-idx1-ubyte", labels({1, 2}));
  EXPECT_EQ(message_of<DataError>([&] { open_idx(folder.path(), "x"); }),
            path + ": expected 3 labels, one for each image of " +
                (folder / "train-images-idx3-ubyte") + ", found 2");
}

TEST(Idx, OpensAFolderWithNames) {
  TemporaryFolder folder;
  folder.write("train-images-idx3-ubyte.gz", gzip(images(3, 4, 5)));
  folder.write("train-labels-idx1-ubyte", labels({2, 0, 1}));
  folder.write("class_names.txt", "cat\r\ndog\n\nfox\n");
  const DataParts parts = open_idx(folder.path(), "pets");
  EXPECT_EQ(parts.test, nullptr);
  EXPECT_EQ(parts.train->info().class_names, (std::vector<std::string>{"cat", "dog", "fox"}));
  EXPECT_EQ(parts.train->info().format, "idx");
  EXPECT_EQ(parts.train->label(0), 2);
  EXPECT_EQ(parts.train->place(2), (folder / "train-images-idx3-ubyte.gz") + "[2]");
  PixelBuffer storage;
  const Image image = parts.train->read(1, storage);
  EXPECT_EQ(image.height, 4);
  EXPECT_EQ(image.width, 5);
  EXPECT_EQ(image.channels, 1);
  EXPECT_EQ(image.pixels[3], 23 * 7 % 251);
  EXPECT_TRUE(storage.bytes.empty()) << "resident images are borrowed, not copied";
  folder.write("class_names.txt", "cat\ndog\n");
  EXPECT_EQ(message_of<DataError>([&] { open_idx(folder.path(), "pets"); }),
            (folder / "class_names.txt") + ": expected a name for each of 3 classes, found 2");
}

TEST(Idx, FashionMnistAsDebianShipsIt) {
  if (!std::filesystem::exists(kFashionMnist)) GTEST_SKIP() << "dataset-fashion-mnist is missing";
  DataConfig config;
  config.path = kFashionMnist;
  std::vector<std::string> lines;
  Log log([&](Level, const std::string& line) { lines.push_back(line); });
  const DataParts parts = open_data(config, log);
  EXPECT_EQ(lines, (std::vector<std::string>{"data: fashion-mnist (idx), 60,000 train + 10,000 "
                                             "test, 28x28 gray, 10 classes"}));
  // Published mean and standard deviation of the training pixels, to their four digits.
  const ChannelStatistics statistics = channel_statistics(*parts.train, 60000);
  EXPECT_NEAR(statistics.mean[0], 0.2860, 5e-5);
  EXPECT_NEAR(statistics.std[0], 0.3530, 5e-5);
  for (const auto& [part, each] : {std::pair(parts.train, 6000), std::pair(parts.test, 1000)}) {
    std::vector<int> counts(10);
    for (int64_t i = 0; i < part->info().size; ++i) ++counts[part->label(i)];
    EXPECT_EQ(counts, std::vector<int>(10, each));
  }
}

}  // namespace
}  // namespace nearfar
