// idx files: reading and checking.
#include "framework/data/idx.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>

#include "framework/data/byte_stream.h"
#include "framework/data/byte_view.h"
#include "framework/data/resident.h"

namespace nearfar {
namespace {

constexpr uint32_t kImagesMagic = 0x00000803;
constexpr uint32_t kLabelsMagic = 0x00000801;
constexpr uint32_t kLargestSide = 1u << 16;

std::string hex(uint32_t value) {
  char text[16];
  std::snprintf(text, sizeof(text), "0x%08x", value);
  return text;
}

/// The numbers after the magic, big-endian.
std::vector<uint32_t> read_header(ByteStream& stream, uint32_t magic, size_t dimensions) {
  std::vector<uint8_t> bytes(4 + 4 * dimensions);
  const size_t got = stream.read(bytes.data(), bytes.size());
  if (got != bytes.size()) {
    throw DataError(stream.path() + ": expected an idx header of " + std::to_string(bytes.size()) +
                    " bytes, found " + std::to_string(got));
  }
  const ByteView view(bytes);
  if (view.u32(0) != magic) {
    throw DataError(stream.path() + ": expected idx magic " + hex(magic) + ", found " +
                    hex(view.u32(0)));
  }
  std::vector<uint32_t> sizes;
  for (size_t i = 0; i < dimensions; ++i) sizes.push_back(view.u32(4 + 4 * i));
  return sizes;
}

/// Reads exactly `size` bytes up to the end of the file.
std::vector<uint8_t> read_body(ByteStream& stream, uint64_t size, const std::string& content) {
  const std::string expected =
      stream.path() + ": expected " + std::to_string(size) + " bytes of " + content + ", found ";
  if (size > stream.most_bytes()) {
    throw DataError(expected + "a file that holds " + std::to_string(stream.most_bytes()) +
                    " at most");
  }
  std::vector<uint8_t> bytes(size);
  const size_t got = stream.read(bytes.data(), size);
  if (got != size) throw DataError(expected + std::to_string(got) + " (truncated?)");
  if (!stream.at_end()) throw DataError(expected + "more");
  return bytes;
}

/// FOLDER/STEM, or FOLDER/STEM.gz where that does not exist; empty where neither does.
std::string find_file(const std::string& folder, const std::string& stem) {
  for (const char* ending : {"", ".gz"}) {
    const std::filesystem::path path = std::filesystem::path(folder) / (stem + ending);
    if (std::filesystem::is_regular_file(path)) return path.string();
  }
  return "";
}

std::string images_file(const std::string& folder, const std::string& part) {
  return find_file(folder, part + "-images-idx3-ubyte");
}

ResidentImages read_part(const std::string& folder, const std::string& name,
                         const std::string& part) {
  ResidentImages result;
  const std::string images_path = images_file(folder, part);
  if (images_path.empty()) return result;
  IdxImages images = read_idx_images(images_path);
  result.info = {name, folder, "idx", images.count, 1, images.height, images.width, {}};
  result.pixels = std::move(images.pixels);
  result.files = {{images_path, 0}};
  const std::string labels_path = find_file(folder, part + "-labels-idx1-ubyte");
  if (labels_path.empty()) return result;
  const std::vector<uint8_t> labels = read_idx_labels(labels_path);
  if (static_cast<int64_t>(labels.size()) != images.count) {
    throw DataError(labels_path + ": expected " + std::to_string(images.count) +
                    " labels, one for each image of " + images_path + ", found " +
                    std::to_string(labels.size()));
  }
  result.labels.assign(labels.begin(), labels.end());
  return result;
}

int64_t class_count(const ResidentImages& images) {
  if (images.labels.empty()) return 0;
  return *std::max_element(images.labels.begin(), images.labels.end()) + 1;
}

}  // namespace

IdxImages read_idx_images(const std::string& path) {
  ByteStream stream(path);
  const std::vector<uint32_t> sizes = read_header(stream, kImagesMagic, 3);
  const auto [count, rows, columns] = std::tuple(sizes[0], sizes[1], sizes[2]);
  const std::string shape = std::to_string(count) + " images of " + std::to_string(rows) + "x" +
                            std::to_string(columns) + " pixels";
  if (count == 0 || rows == 0 || columns == 0 || rows > kLargestSide || columns > kLargestSide) {
    throw DataError(path + ": expected at least one image with sides of 1 to " +
                    std::to_string(kLargestSide) + ", found " + shape);
  }
  const uint64_t size = uint64_t{rows} * columns;
  if (size > stream.most_bytes()) {
    throw DataError(path + ": expected " + shape + ", found a file that holds " +
                    std::to_string(stream.most_bytes()) + " bytes at most");
  }
  return {count, static_cast<int>(rows), static_cast<int>(columns),
          read_body(stream, size * count, shape)};  // below 2^64: sides are at most 2^16
}

std::vector<uint8_t> read_idx_labels(const std::string& path) {
  ByteStream stream(path);
  const uint32_t count = read_header(stream, kLabelsMagic, 1)[0];
  return read_body(stream, count, std::to_string(count) + " labels");
}

bool holds_idx(const std::string& folder) {
  return !images_file(folder, "train").empty() || !images_file(folder, "t10k").empty();
}

DataParts open_idx(const std::string& folder, const std::string& name) {
  ResidentImages train = read_part(folder, name, "train");
  ResidentImages test = read_part(folder, name, "t10k");
  const int64_t classes = std::max(class_count(train), class_count(test));
  std::vector<std::string> names = numbered_classes(classes);
  const std::filesystem::path names_path = std::filesystem::path(folder) / "class_names.txt";
  if (classes > 0 && std::filesystem::exists(names_path)) {
    names = read_class_names(names_path.string());
    if (static_cast<int64_t>(names.size()) < classes) {
      throw DataError(names_path.string() + ": expected a name for each of " +
                      std::to_string(classes) + " classes, found " + std::to_string(names.size()));
    }
  }
  DataParts parts;
  for (auto [images, part] : {std::pair(&train, &parts.train), std::pair(&test, &parts.test)}) {
    if (images->info.size == 0) continue;
    if (!images->labels.empty()) images->info.class_names = names;
    *part = std::make_shared<ResidentDataset>(std::move(*images));
  }
  return parts;
}

}  // namespace nearfar
