// .npy and .safetensors files as data sets: shapes, labels, targets, parts, refusals.
#include "framework/data/arrays.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstring>
#include <limits>
#include <numeric>

#include "framework/files/safetensors.h"
#include "tests/framework/data/array_files.h"
#include "tests/framework/data/folder_tests.h"

namespace nearfar {
namespace {

Bytes counted(size_t size) {
  Bytes bytes(size);
  std::iota(bytes.begin(), bytes.end(), uint8_t{1});
  return bytes;
}

Bytes pixels_of(const Dataset& data, int64_t index) {
  PixelBuffer storage;
  const Image image = data.read(index, storage);
  return {image.pixels, image.pixels + image.height * image.width * image.channels};
}

DataParts open_npy(const std::string& path) {
  Log log;
  return nearfar::open_npy(path, "set", log);
}

TEST(NpyImages, AreReadByTheirShape) {
  const TemporaryFolder folder;
  const struct {
    std::vector<int64_t> shape;
    int height, width, channels;
    bool planes;
  } cases[] = {{{2, 2, 3}, 2, 3, 1, false},    {{2, 2, 4, 1}, 2, 4, 1, false},
               {{2, 2, 4, 3}, 2, 4, 3, false}, {{2, 1, 2, 4}, 2, 4, 1, true},
               {{2, 3, 2, 4}, 2, 4, 3, true},  {{2, 3, 2, 3}, 3, 2, 3, false}};
  for (const auto& c : cases) {
    const Bytes bytes = counted(static_cast<size_t>(2 * c.height * c.width * c.channels));
    const DataParts parts = open_npy(folder.write("x.npy", npy_file("|u1", c.shape, bytes)));
    const DatasetInfo& info = parts.train->info();
    EXPECT_EQ(std::tuple(info.size, info.height, info.width, info.channels),
              std::tuple(2, c.height, c.width, c.channels));
    EXPECT_EQ(parts.test, nullptr);
    EXPECT_EQ(info.format, "npy");
    EXPECT_EQ(parts.train->place(1), folder / "x.npy" + "[1]");
    const Bytes second = pixels_of(*parts.train, 1);
    for (int y = 0; y < c.height; ++y) {
      for (int x = 0; x < c.width; ++x) {
        for (int channel = 0; channel < c.channels; ++channel) {
          const int at = c.planes ? ((1 * c.channels + channel) * c.height + y) * c.width + x
                                  : ((1 * c.height + y) * c.width + x) * c.channels + channel;
          ASSERT_EQ(second[static_cast<size_t>((y * c.width + x) * c.channels + channel)],
                    bytes[static_cast<size_t>(at)]);
        }
      }
    }
  }
}

TEST(NpyImages, LabelsAndTargetsLieBeside) {
  const TemporaryFolder folder;
  const std::string path = folder.write("x.npy", npy_file("|u1", {3, 1, 2}, counted(6)));
  EXPECT_EQ(open_npy(path).train->label(0), -1);
  // Big-endian 32-bit labels 500, -1, 20: classes in ascending order.
  folder.write("x.labels.npy",
               npy_file(">i4", {3, 1}, {0, 0, 1, 244, 255, 255, 255, 255, 0, 0, 0, 20}));
  folder.write("x_targets.npy", npy_file("<f4", {3, 2}, bytes_of<float>({1, 2, 3, 4, 5, 6.5f})));
  const DataParts parts = open_npy(path);
  EXPECT_EQ(parts.train->info().class_names, (std::vector<std::string>{"20", "500"}));
  EXPECT_EQ(parts.train->label(0), 1);
  EXPECT_EQ(parts.train->label(1), -1);
  EXPECT_EQ(parts.train->label(2), 0);
  EXPECT_EQ(parts.train->info().targets, (std::vector<std::string>{"0", "1"}));
  EXPECT_EQ(parts.train->target(2)[1], 6.5f);
  folder.write("x_labels.npy", npy_file("|u1", {3}, {0, 1, 0}));
  EXPECT_TRUE(
      contains(message_of<DataError>([&] { open_npy(path); }), "expected one file of labels"));
}

TEST(NpyImages, EveryTypeOfLabel) {
  const TemporaryFolder folder;
  const std::string path = folder.write("x.npy", npy_file("|u1", {2, 1, 1}, counted(2)));
  for (const char* type : {"|u1", "|i1", "<u2", "<i2", ">u2", "<u4", "<i4", "<i8", ">i8", "<u8"}) {
    Bytes bytes(2 * static_cast<size_t>(type[2] - '0'));
    const size_t width = bytes.size() / 2;
    bytes[type[0] == '>' ? width - 1 : 0] = 7;
    bytes[type[0] == '>' ? 2 * width - 1 : width] = 100;
    folder.write("x_labels.npy", npy_file(type, {2}, bytes));
    EXPECT_EQ(open_npy(path).train->info().class_names, (std::vector<std::string>{"7", "100"}))
        << type;
  }
}

TEST(NpyImages, WhatDoesNotFitIsNamed) {
  const TemporaryFolder folder;
  const std::string path = folder / "x.npy";
  const auto error = [&](const std::string& name, const std::string& type,
                         const std::vector<int64_t>& shape, size_t bytes) {
    folder.write(name, npy_file(type, shape, counted(bytes)));
    const std::string message = message_of<DataError>([&] { open_npy(path); });
    std::filesystem::remove(folder / name);
    if (name != "x.npy") return message.substr(message.find(name));
    EXPECT_TRUE(message.starts_with(path)) << message;
    return message.substr(std::min(message.size(), path.size() + 2));
  };
  EXPECT_EQ(error("x.npy", "<f4", {2, 2, 2}, 32),
            "expected uint8 images with values of 0 to 255 (for floats in [0, 1]: (255 * "
            "x).round().astype(\"uint8\")), found F32 [2, 2, 2]");
  EXPECT_EQ(error("x.npy", "|u1", {2, 2}, 4),
            "expected images [N, H, W], [N, H, W, 1 or 3] or [N, 1 or 3, H, W], found U8 [2, 2]");
  EXPECT_TRUE(contains(error("x.npy", "|u1", {1, 2, 2, 4}, 16), "found U8 [1, 2, 2, 4]"));
  EXPECT_EQ(error("x.npy", "|u1", {0, 2, 2}, 0), "expected at least one image, found U8 [0, 2, 2]");
  EXPECT_TRUE(contains(error("x.npy", "|u1", {1, 1, 65537}, 65537), "sides of at most 65536"));
  folder.write("x.npy", npy_file("|u1", {2, 1, 1}, counted(2)));
  EXPECT_EQ(error("x_labels.npy", "|u1", {3}, 3),
            "x_labels.npy: expected labels [2], one for each image, found U8 [3]");
  EXPECT_EQ(error("x_labels.npy", "|u1", {2, 2}, 4),
            "x_labels.npy: expected one label for each image, found U8 [2, 2]");
  EXPECT_EQ(error("x_labels.npy", "<f8", {2}, 16),
            "x_labels.npy: expected integers as labels, found F64 [2]");
  EXPECT_EQ(error("x_targets.npy", "<i8", {2}, 16),
            "x_targets.npy: expected float32 or float64 targets, found I64 [2]");
  folder.write("x_labels.npy", npy_file("|i1", {2}, {0, 0xFE}));
  EXPECT_EQ(
      message_of<DataError>([&] { open_npy(path); }),
      folder / "x_labels.npy" + "[1]: expected a label of at least 0, or -1 for none, found -2");
  std::filesystem::remove(folder / "x_labels.npy");
  const float infinite = std::numeric_limits<float>::infinity();
  folder.write("x_targets.npy", npy_file("<f4", {2}, bytes_of<float>({1, infinite})));
  EXPECT_TRUE(contains(message_of<DataError>([&] { open_npy(path); }),
                       "x_targets.npy[1]: expected finite targets"));
}

/// The tensors as a file's bytes.
std::string write(const TemporaryFolder& folder,
                  const std::vector<std::pair<std::string, RawTensor>>& tensors) {
  std::vector<std::pair<std::string, RawTensorView>> views;
  for (const auto& [name, tensor] : tensors) {
    views.emplace_back(
        name, RawTensorView{tensor.dtype, tensor.shape, tensor.bytes.data(), tensor.bytes.size()});
  }
  return folder.write("x.safetensors", encode_safetensors(views, {}));
}

TEST(SafetensorsImages, PartsShareTheirClasses) {
  const TemporaryFolder folder;
  const std::string path = write(folder, {{"images", {"U8", {2, 3, 1, 2}, counted(12)}},
                                          {"labels", {"I64", {2}, bytes_of<int64_t>({7, 3})}},
                                          {"targets", {"F64", {2}, bytes_of<double>({0.25, -1})}},
                                          {"test_images", {"U8", {1, 1, 2, 3}, counted(6)}},
                                          {"test_labels", {"U8", {1}, {5}}},
                                          {"test_targets", {"F32", {1}, bytes_of<float>({2})}},
                                          {"features", {"F32", {1}, Bytes(4)}}});
  Log log;
  const DataParts parts = open_safetensors(path, "set", log);
  EXPECT_EQ(parts.train->info().class_names, (std::vector<std::string>{"3", "5", "7"}));
  EXPECT_EQ(parts.test->info().class_names, parts.train->info().class_names);
  EXPECT_EQ(parts.train->label(0), 2);
  EXPECT_EQ(parts.test->label(0), 1);
  EXPECT_EQ(parts.train->target(0)[0], 0.25f);
  EXPECT_EQ(parts.test->target(0)[0], 2.0f);
  EXPECT_EQ(pixels_of(*parts.train, 0), (Bytes{1, 3, 5, 2, 4, 6}));
  EXPECT_EQ(pixels_of(*parts.test, 0), counted(6));
  EXPECT_EQ(parts.test->place(0), path + ":test_images[0]");
}

TEST(SafetensorsImages, WhatDoesNotFitIsNamed) {
  const TemporaryFolder folder;
  const auto error = [&](const std::vector<std::pair<std::string, RawTensor>>& tensors) {
    const std::string path = write(folder, tensors);
    Log log;
    const std::string message = message_of<DataError>([&] { open_safetensors(path, "set", log); });
    EXPECT_TRUE(message.starts_with(path)) << message;
    return message.substr(std::min(message.size(), path.size()));
  };
  const RawTensor images{"U8", {1, 2, 2}, Bytes(4)};
  EXPECT_EQ(error({{"labels", {"U8", {1}, {5}}}}),
            ": expected a tensor \"images\" of uint8 images, found none");
  EXPECT_EQ(error({{"images", images}, {"test_labels", {"U8", {1}, {5}}}}),
            ": expected a tensor \"test_images\" of uint8 images, found none");
  EXPECT_EQ(error({{"images", images}, {"test_images", {"U8", {1, 2, 2, 3}, Bytes(12)}}}),
            ":test_images: expected 1 channels and 0 targets like " + folder / "x.safetensors" +
                ":images, found 3 and 0");
  EXPECT_TRUE(contains(error({{"images", {"F32", {1, 1, 1}, Bytes(4)}}}),
                       ":images: expected uint8 images"));
}

RC_GTEST_PROP(ArrayImages, ChangedFilesAreReadOrRefused, ()) {
  const TemporaryFolder folder;
  const bool is_npy = *rc::gen::arbitrary<bool>();
  const std::string name = is_npy ? "x.npy" : "x.safetensors";
  Bytes bytes = npy_file("|u1", {2, 3, 2, 2}, counted(24));
  if (!is_npy) {
    write(folder, {{"images", {"U8", {2, 2, 2}, counted(8)}}, {"labels", {"U8", {2}, {1, 2}}}});
    bytes = read_file(folder / name);
  }
  const auto changes = *rc::gen::inRange(1, 5);
  for (int i = 0; i < changes; ++i) {
    bytes[*rc::gen::inRange<size_t>(0, bytes.size())] = *rc::gen::arbitrary<uint8_t>();
  }
  const std::string path = folder.write(name, bytes);
  Log log;
  try {
    const DataParts parts =
        is_npy ? nearfar::open_npy(path, "set", log) : open_safetensors(path, "set", log);
    for (int64_t i = 0; i < parts.train->info().size; ++i) pixels_of(*parts.train, i);
  } catch (const DataError& error) {
    RC_ASSERT(std::string(error.what()).starts_with(path));
  }
}

}  // namespace
}  // namespace nearfar
