// Recognising and opening data sets.
#include "framework/data/open.h"

#include <filesystem>
#include <map>

#include "framework/data/cifar.h"
#include "framework/data/folder.h"
#include "framework/data/idx.h"
#include "framework/data/image_tree.h"
#include "framework/data/map.h"

namespace nearfar {
namespace {

namespace fs = std::filesystem;

/// Lower-case name of the folder, fit for a run's folder.
std::string short_name(const std::string& path) {
  fs::path folder = fs::weakly_canonical(path);
  std::string name;
  for (char c : folder.filename().string()) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
    name += fits ? c : '-';
  }
  return name.empty() ? "data" : name;
}

/// A folder, or one image file, which is a set of one.
void require_images(const std::string& path, const char* key) {
  const char* accepted =
      "; expected a folder of images (.jpg .jpeg .png .webp .bmp .tif .tiff), of idx files or of "
      "CIFAR binary files, or one image";
  if (path.empty()) throw ConfigError(std::string(key) + ": not given" + accepted);
  if (!fs::exists(path)) throw DataError(path + ": no such folder (" + key + ")" + accepted);
  if (fs::is_regular_file(path) && has_image_name(path)) return;
  if (!fs::is_directory(path)) throw DataError(path + ": not a folder (" + key + ")" + accepted);
  if (fs::is_empty(path)) throw DataError(path + ": the folder is empty (" + key + ")" + accepted);
}

std::string recognise(const std::string& path) {
  if (fs::is_regular_file(path)) return "folder";
  if (holds_idx(path)) return "idx";
  if (!find_cifar10(path).empty()) return "cifar10";
  if (!find_cifar100(path).empty()) return "cifar100";
  return "folder";
}

[[noreturn]] void refuse_format(const std::string& path, const std::string& files) {
  throw DataError(path + ": expected " + files + ", found none of them (data.format)");
}

DataParts open_idx_parts(const std::string& path) {
  if (!holds_idx(path)) refuse_format(path, "train-images-idx3-ubyte or t10k-... [.gz]");
  return open_idx(path, short_name(path));
}

DataParts open_cifar_parts(const std::string& path, const std::string& format) {
  const bool ten = format == "cifar10";
  const std::string folder = ten ? find_cifar10(path) : find_cifar100(path);
  if (folder.empty()) {
    refuse_format(path, ten ? "data_batch_1.bin or test_batch.bin" : "train.bin or test.bin");
  }
  return ten ? open_cifar10(folder, short_name(path)) : open_cifar100(folder, short_name(path));
}

DataParts open_parts(const DataConfig& config, const std::string& path, Log& log) {
  const std::string format = config.format == "auto" ? recognise(path) : config.format;
  if (format == "idx") return open_idx_parts(path);
  if (format == "cifar10" || format == "cifar100") return open_cifar_parts(path, format);
  return open_folder(path, short_name(path), config.max_pixels, log);
}

/// The test set with its labels numbered like the training set's, by class name.
std::shared_ptr<const Dataset> align_classes(std::shared_ptr<const Dataset> test,
                                             const DatasetInfo& train) {
  const std::vector<std::string>& own = test->info().class_names;
  if (own == train.class_names || own.empty()) return test;
  std::map<std::string, int64_t> index;
  for (const std::string& name : train.class_names) {
    index.emplace(name, static_cast<int64_t>(index.size()));
  }
  std::vector<int64_t> target;
  for (const std::string& name : own) {
    const auto found = index.find(name);
    if (found == index.end()) {
      throw DataError(test->info().path + ": expected the classes of " + train.path + ", found \"" +
                      name + "\"");
    }
    target.push_back(found->second);
  }
  return map_labels(
      std::move(test), [target](int64_t label) { return label < 0 ? label : target[label]; },
      train.class_names);
}

std::shared_ptr<const Dataset> open_test(const DataConfig& config, const DatasetInfo& train,
                                         Log& log) {
  require_images(config.test_path, "data.test_path");
  const DataParts parts = open_parts(config, config.test_path, log);
  const auto test = parts.test ? parts.test : parts.train;
  if (test->info().channels != train.channels) {
    throw DataError(config.test_path + ": expected " + std::to_string(train.channels) +
                    " channels like " + train.path + ", found " +
                    std::to_string(test->info().channels));
  }
  return train.class_names.empty() ? test : align_classes(test, train);
}

/// 60000 -> "60,000".
std::string grouped(int64_t number) {
  std::string text = std::to_string(number);
  for (auto at = static_cast<int64_t>(text.size()) - 3; at > 0; at -= 3) {
    text.insert(static_cast<size_t>(at), ",");
  }
  return text;
}

std::string description(const DataParts& parts) {
  const DatasetInfo& info = parts.train->info();
  std::string text = info.name + " (" + info.format + "), " + grouped(info.size) + " train";
  if (parts.test) text += " + " + grouped(parts.test->info().size) + " test";
  text += info.height > 0 ? ", " + std::to_string(info.height) + "x" + std::to_string(info.width)
                          : std::string(", of any size");
  text += info.channels == 1 ? " gray" : " colour";
  return text + (info.class_names.empty()
                     ? std::string(", no labels")
                     : ", " + grouped(static_cast<int64_t>(info.class_names.size())) + " classes");
}

}  // namespace

DataParts open_data(const DataConfig& config, Log& log) {
  try {
    require_images(config.path, "data.path");
    DataParts parts = open_parts(config, config.path, log);
    if (!parts.train) {
      throw DataError(config.path + ": holds a test part but no training part");
    }
    if (!config.test_path.empty()) parts.test = open_test(config, parts.train->info(), log);
    log.info("data: " + description(parts));
    return parts;
  } catch (const fs::filesystem_error& failure) {
    throw DataError(config.path + ": cannot be read: " + failure.code().message());
  }
}

}  // namespace nearfar
