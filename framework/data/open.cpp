// Recognising and opening data sets.
#include "framework/data/open.h"

#include <filesystem>
#include <map>

#include "framework/data/arrays.h"
#include "framework/data/cifar.h"
#include "framework/data/folder.h"
#include "framework/data/idx.h"
#include "framework/data/image_list.h"
#include "framework/data/image_tree.h"
#include "framework/data/map.h"
#include "framework/log/quantities.h"

namespace nearfar {
namespace {

namespace fs = std::filesystem;

/// The kind of a file by its name: "csv", "npy", "safetensors", "folder" for one image; "" for
/// others.
std::string kind_of_file(const std::string& path) {
  if (has_image_name(path)) return "folder";
  const std::string ending = name_ending(path);
  if (ending == ".csv" || ending == ".tsv") return "csv";
  return ending == ".npy" || ending == ".safetensors" ? ending.substr(1) : "";
}

/// Lower-case name of the folder or file, fit for a run's folder.
std::string short_name(const std::string& path) {
  fs::path folder = fs::weakly_canonical(path);
  if (fs::is_regular_file(folder) && !has_image_name(path)) folder.replace_extension();
  std::string name;
  for (char c : folder.filename().string()) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
    name += fits ? c : '-';
  }
  return name.empty() ? "data" : name;
}

/// A folder, a list, arrays, or one image file, which is a set of one.
void require_images(const std::string& path, const std::string& format, const char* key) {
  const char* accepted =
      "; expected a folder of images (.jpg .jpeg .png .webp .bmp .tif .tiff), of idx files or of "
      "CIFAR binary files, a .csv or .tsv list, .npy or .safetensors arrays, or one image";
  if (path.empty()) throw ConfigError(std::string(key) + ": not given" + accepted);
  if (!fs::exists(path)) throw DataError(path + ": no such folder (" + key + ")" + accepted);
  const bool forced = format == "csv" || format == "npy" || format == "safetensors";
  if (fs::is_regular_file(path) && (forced || !kind_of_file(path).empty())) return;
  if (!fs::is_directory(path)) throw DataError(path + ": not a folder (" + key + ")" + accepted);
  if (fs::is_empty(path)) throw DataError(path + ": the folder is empty (" + key + ")" + accepted);
}

std::string recognise(const std::string& path) {
  if (fs::is_regular_file(path)) return kind_of_file(path);
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
  const std::string name = short_name(path);
  if (format != "folder" && !fs::is_regular_file(path)) refuse_format(path, "a file");
  if (format == "csv") return open_image_list(path, name, config.max_pixels, log);
  if (format == "npy") return open_npy(path, name, log);
  if (format == "safetensors") return open_safetensors(path, name, log);
  const bool with_val = config.evaluate_on == "val" || config.val_fraction > 0.0;
  return open_folder(path, name, config.max_pixels, log, with_val);
}

/// Numbers the test set's labels like the training set's, by class name. Classes of the test set
/// alone come last: the others keep their numbers, by which divide_data() draws.
void align_classes(DataParts& parts) {
  std::vector<std::string> names = parts.train->info().class_names;
  const std::vector<std::string>& own = parts.test->info().class_names;
  if (names.empty() || own.empty() || own == names) return;
  std::map<std::string, int64_t> index;
  for (const std::string& name : names) index.emplace(name, static_cast<int64_t>(index.size()));
  std::vector<int64_t> target;
  for (const std::string& name : own) {
    const auto [found, fresh] = index.emplace(name, static_cast<int64_t>(index.size()));
    if (fresh) names.push_back(name);
    target.push_back(found->second);
  }
  parts.test = map_labels(
      std::move(parts.test), [target](int64_t label) { return label < 0 ? label : target[label]; },
      names);
  for (auto* part : {&parts.train, &parts.val}) {
    if (*part == nullptr || (*part)->info().class_names.size() == names.size()) continue;
    *part = map_labels(
        std::move(*part), [](int64_t label) { return label; }, names);
  }
}

std::shared_ptr<const Dataset> open_test(const DataConfig& config, const DatasetInfo& train,
                                         Log& log) {
  require_images(config.test_path, config.format, "data.test_path");
  const DataParts parts = open_parts(config, config.test_path, log);
  const auto test = parts.test ? parts.test : parts.train;
  if (test->info().channels != train.channels) {
    throw DataError(config.test_path + ": expected " + std::to_string(train.channels) +
                    " channels like " + train.path + ", found " +
                    std::to_string(test->info().channels));
  }
  if (test->info().targets.size() != train.targets.size()) {
    throw DataError(config.test_path + ": expected " + std::to_string(train.targets.size()) +
                    " targets like " + train.path + ", found " +
                    std::to_string(test->info().targets.size()));
  }
  return test;
}

std::string description(const DataParts& parts) {
  const DatasetInfo& info = parts.train->info();
  std::string text = info.name + " (" + info.format + "), " + format_count(info.size) + " train";
  if (parts.val) text += " + " + format_count(parts.val->info().size) + " val";
  if (parts.test) text += " + " + format_count(parts.test->info().size) + " test";
  text += info.height > 0 ? ", " + std::to_string(info.height) + "x" + std::to_string(info.width)
                          : std::string(", of any size");
  text += info.channels == 1 ? " gray" : " colour";
  const auto targets = static_cast<int64_t>(info.targets.size());
  if (targets > 0) text += ", " + format_count(targets) + (targets == 1 ? " target" : " targets");
  return text +
         (info.class_names.empty()
              ? std::string(", no labels")
              : ", " + format_count(static_cast<int64_t>(info.class_names.size())) + " classes");
}

}  // namespace

DataParts open_data(const DataConfig& config, Log& log) {
  try {
    require_images(config.path, config.format, "data.path");
    DataParts parts = open_parts(config, config.path, log);
    if (!parts.train) {
      throw DataError(config.path + ": holds a test part but no training part");
    }
    if (!config.test_path.empty()) {
      parts.test = open_test(config, parts.train->info(), log);
      align_classes(parts);
    }
    log.info("data: " + description(parts));
    return parts;
  } catch (const fs::filesystem_error& failure) {
    throw DataError(config.path + ": cannot be read: " + failure.code().message());
  }
}

}  // namespace nearfar
