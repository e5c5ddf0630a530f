// CIFAR binary files: records with planes, turned into interleaved pixels.
#include "framework/data/cifar.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "framework/data/byte_stream.h"
#include "framework/data/resident.h"

namespace nearfar {
namespace {

constexpr int kSide = 32;
constexpr int kPlane = kSide * kSide;

struct CifarKind {
  const char* format;
  const char* folder;
  const char* names_file;
  int label_bytes;  // the last of them is the label
  int classes;
  std::vector<std::string> train_files;
  std::vector<std::string> test_files;
};

const CifarKind& cifar10() {
  static const CifarKind kind{"cifar10",
                              "cifar-10-batches-bin",
                              "batches.meta.txt",
                              1,
                              10,
                              {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                               "data_batch_4.bin", "data_batch_5.bin"},
                              {"test_batch.bin"}};
  return kind;
}

const CifarKind& cifar100() {
  static const CifarKind kind{"cifar100",    "cifar-100-binary", "fine_label_names.txt", 2, 100,
                              {"train.bin"}, {"test.bin"}};
  return kind;
}

void append_record(const CifarKind& kind, const uint8_t* record, ResidentImages& images) {
  images.labels.push_back(record[kind.label_bytes - 1]);
  const uint8_t* planes = record + kind.label_bytes;
  for (int i = 0; i < kPlane; ++i) {
    for (int c = 0; c < 3; ++c) images.pixels.push_back(planes[c * kPlane + i]);
  }
}

void append_file(const CifarKind& kind, const std::string& path, ResidentImages& images) {
  ByteStream stream(path);
  const uint64_t size = std::filesystem::file_size(path);
  const uint64_t record_size = static_cast<uint64_t>(kind.label_bytes) + 3 * kPlane;
  if (size == 0 || size % record_size != 0) {
    throw DataError(path + ": expected whole records of " + std::to_string(record_size) +
                    " bytes, found " + std::to_string(size) + " bytes (truncated?)");
  }
  const uint64_t count = size / record_size;
  images.files.push_back({path, images.info.size});
  images.pixels.reserve(images.pixels.size() + count * 3 * kPlane);
  std::vector<uint8_t> record(record_size);
  for (uint64_t row = 0; row < count; ++row) {
    if (stream.read(record.data(), record_size) != record_size) {
      throw DataError(path + ": became shorter while it was read");
    }
    append_record(kind, record.data(), images);
    if (images.labels.back() >= kind.classes) {
      throw DataError(path + "[" + std::to_string(row) + "]: expected a label below " +
                      std::to_string(kind.classes) + ", found " +
                      std::to_string(images.labels.back()));
    }
  }
  images.info.size += static_cast<int64_t>(count);
}

std::vector<std::string> class_names(const CifarKind& kind, const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / kind.names_file;
  if (!std::filesystem::exists(path)) return numbered_classes(kind.classes);
  std::vector<std::string> names = read_class_names(path.string());
  if (static_cast<int>(names.size()) != kind.classes) {
    throw DataError(path.string() + ": expected " + std::to_string(kind.classes) +
                    " class names, found " + std::to_string(names.size()));
  }
  return names;
}

std::shared_ptr<const Dataset> open_part(const CifarKind& kind, const std::string& folder,
                                         const std::string& name,
                                         const std::vector<std::string>& files) {
  // All or none: four of five training files are a broken download.
  bool any = false;
  for (const std::string& file : files) {
    any = any || std::filesystem::exists(std::filesystem::path(folder) / file);
  }
  if (!any) return nullptr;
  ResidentImages images;
  images.info = {name, folder, kind.format, 0, 3, kSide, kSide, class_names(kind, folder)};
  for (const std::string& file : files) {
    append_file(kind, (std::filesystem::path(folder) / file).string(), images);
  }
  return std::make_shared<ResidentDataset>(std::move(images));
}

std::string find_folder(const CifarKind& kind, const std::string& folder) {
  const std::filesystem::path given(folder);
  for (const auto& place : {given, given / kind.folder}) {
    for (const std::string& file : {kind.train_files[0], kind.test_files[0]}) {
      if (std::filesystem::is_regular_file(place / file)) return place.string();
    }
  }
  return "";
}

DataParts open_cifar(const CifarKind& kind, const std::string& folder, const std::string& name) {
  return {open_part(kind, folder, name, kind.train_files),
          open_part(kind, folder, name, kind.test_files)};
}

}  // namespace

std::string find_cifar10(const std::string& folder) { return find_folder(cifar10(), folder); }

std::string find_cifar100(const std::string& folder) { return find_folder(cifar100(), folder); }

DataParts open_cifar10(const std::string& folder, const std::string& name) {
  return open_cifar(cifar10(), folder, name);
}

DataParts open_cifar100(const std::string& folder, const std::string& name) {
  return open_cifar(cifar100(), folder, name);
}

}  // namespace nearfar
