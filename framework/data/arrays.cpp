// Arrays as images, labels and targets.
#include "framework/data/arrays.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

#include "framework/data/resident.h"
#include "framework/files/npy.h"
#include "framework/files/safetensors.h"

namespace nearfar {
namespace {

constexpr int64_t kLargestSide = int64_t{1} << 16;
constexpr int64_t kMostTargets = int64_t{1} << 16;

/// An array and how messages name it.
struct Named {
  std::string place;
  RawTensor array;
};

/// The arrays of one part; images are there in every part.
struct ArrayPart {
  std::optional<Named> images;
  std::optional<Named> labels;
  std::optional<Named> targets;
};

std::string shape_text(const RawTensor& array) {
  std::string text = array.dtype + " [";
  for (size_t i = 0; i < array.shape.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(array.shape[i]);
  }
  return text + "]";
}

[[noreturn]] void refuse(const Named& named, const std::string& expected) {
  throw DataError(named.place + ": expected " + expected + ", found " + shape_text(named.array));
}

bool is_channels(int64_t count) { return count == 1 || count == 3; }

/// [N, C, H, W] -> [N, H, W, C].
std::vector<uint8_t> channels_last(const std::vector<uint8_t>& planes, int64_t channels,
                                   int64_t area) {
  std::vector<uint8_t> pixels(planes.size());
  const auto images = static_cast<int64_t>(planes.size()) / (channels * area);
  for (int64_t n = 0; n < images; ++n) {
    const int64_t image = n * channels * area;
    for (int64_t c = 0; c < channels; ++c) {
      for (int64_t p = 0; p < area; ++p) {
        pixels[image + p * channels + c] = planes[image + c * area + p];
      }
    }
  }
  return pixels;
}

void refuse_unless_images(const Named& named) {
  const RawTensor& array = named.array;
  const std::vector<int64_t>& shape = array.shape;
  if (array.dtype != "U8") {
    refuse(named,
           "uint8 images with values of 0 to 255 (for floats in [0, 1]: "
           "(255 * x).round().astype(\"uint8\"))");
  }
  const bool fits =
      shape.size() == 3 || (shape.size() == 4 && (is_channels(shape[3]) || is_channels(shape[1])));
  if (!fits) refuse(named, "images [N, H, W], [N, H, W, 1 or 3] or [N, 1 or 3, H, W]");
  if (array.bytes.empty()) refuse(named, "at least one image");
  for (size_t i = 1; i < shape.size(); ++i) {
    if (shape[i] > kLargestSide) refuse(named, "sides of at most " + std::to_string(kLargestSide));
  }
}

/// Pixels and sizes of a part; says in the log how a shape of four was read.
ResidentImages read_images(Named& named, const std::string& name, const std::string& format,
                           Log& log) {
  refuse_unless_images(named);
  const std::vector<int64_t>& shape = named.array.shape;
  const bool last = shape.size() == 3 || is_channels(shape[3]);
  const int64_t channels = shape.size() == 3 ? 1 : last ? shape[3] : shape[1];
  const int64_t height = last ? shape[1] : shape[2];
  const int64_t width = last ? shape[2] : shape[3];
  if (shape.size() == 4) {
    log.info("data: " + named.place + ": " + shape_text(named.array) + " read as [N, " +
             (last ? "height, width, channels]" : "channels, height, width]"));
  }
  ResidentImages images;
  images.info = {name,
                 named.place,
                 format,
                 shape[0],
                 static_cast<int>(channels),
                 static_cast<int>(height),
                 static_cast<int>(width),
                 {}};
  images.pixels = last || channels == 1
                      ? std::move(named.array.bytes)
                      : channels_last(named.array.bytes, channels, height * width);
  images.files = {{named.place, 0}};
  return images;
}

/// [N] or [N, columns]; the number of columns.
int64_t columns_of(const Named& named, int64_t images, const std::string& kind) {
  const std::vector<int64_t>& shape = named.array.shape;
  if (shape.empty() || shape.size() > 2 || shape[0] != images) {
    refuse(named, kind + " [" + std::to_string(images) + "], one for each image");
  }
  return shape.size() == 1 ? 1 : shape[1];
}

template <typename Number, typename Result>
std::vector<Result> numbers_as(const std::vector<uint8_t>& bytes) {
  std::vector<Result> numbers(bytes.size() / sizeof(Number));
  for (size_t i = 0; i < numbers.size(); ++i) {
    Number number;
    std::memcpy(&number, bytes.data() + i * sizeof(Number), sizeof(Number));
    numbers[i] = static_cast<Result>(number);
  }
  return numbers;
}

std::vector<int64_t> integers_of(const Named& named) {
  const std::string& dtype = named.array.dtype;
  const std::vector<uint8_t>& bytes = named.array.bytes;
  if (dtype == "U8") return numbers_as<uint8_t, int64_t>(bytes);
  if (dtype == "I8") return numbers_as<int8_t, int64_t>(bytes);
  if (dtype == "U16") return numbers_as<uint16_t, int64_t>(bytes);
  if (dtype == "I16") return numbers_as<int16_t, int64_t>(bytes);
  if (dtype == "U32") return numbers_as<uint32_t, int64_t>(bytes);
  if (dtype == "I32") return numbers_as<int32_t, int64_t>(bytes);
  if (dtype == "U64" || dtype == "I64") return numbers_as<int64_t, int64_t>(bytes);
  refuse(named, "integers as labels");
}

std::vector<int64_t> read_labels(const Named& named, int64_t images) {
  if (columns_of(named, images, "labels") != 1) refuse(named, "one label for each image");
  std::vector<int64_t> labels = integers_of(named);
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] >= -1) continue;
    throw DataError(named.place + "[" + std::to_string(i) +
                    "]: expected a label of at least 0, or -1 for none, found " +
                    std::to_string(labels[i]));
  }
  return labels;
}

void read_targets(const Named& named, ResidentImages& images) {
  const int64_t columns = columns_of(named, images.info.size, "targets");
  const std::string& dtype = named.array.dtype;
  if (dtype != "F32" && dtype != "F64") refuse(named, "float32 or float64 targets");
  if (columns < 1 || columns > kMostTargets) {
    refuse(named, "1 to " + std::to_string(kMostTargets) + " targets for each image");
  }
  images.targets = dtype == "F32" ? numbers_as<float, float>(named.array.bytes)
                                  : numbers_as<double, float>(named.array.bytes);
  const auto bad = std::find_if(images.targets.begin(), images.targets.end(),
                                [](float value) { return !std::isfinite(value); });
  if (bad != images.targets.end()) {
    throw DataError(named.place + "[" + std::to_string((bad - images.targets.begin()) / columns) +
                    "]: expected finite targets in float32, found another");
  }
  images.info.targets =
      columns == 1 ? std::vector<std::string>{"target"} : numbered_classes(columns);
}

/// Labels of all parts as positions among the different ones.
void number_classes(std::vector<ResidentImages>& parts) {
  std::vector<int64_t> different;
  for (const ResidentImages& part : parts) {
    different.insert(different.end(), part.labels.begin(), part.labels.end());
    std::sort(different.begin(), different.end());
    different.erase(std::unique(different.begin(), different.end()), different.end());
  }
  if (!different.empty() && different.front() == -1) different.erase(different.begin());
  std::vector<std::string> names;
  for (const int64_t label : different) names.push_back(std::to_string(label));
  for (ResidentImages& part : parts) {
    if (part.labels.empty()) continue;
    part.info.class_names = names;
    for (int64_t& label : part.labels) {
      if (label < 0) continue;
      label = std::lower_bound(different.begin(), different.end(), label) - different.begin();
    }
  }
}

DataParts open_parts(std::vector<ArrayPart> parts, const std::string& name,
                     const std::string& format, Log& log) {
  std::vector<ResidentImages> read;
  for (ArrayPart& part : parts) {
    ResidentImages images = read_images(*part.images, name, format, log);
    if (part.labels) images.labels = read_labels(*part.labels, images.info.size);
    if (part.targets) read_targets(*part.targets, images);
    read.push_back(std::move(images));
  }
  const DatasetInfo& first = read.front().info;
  const DatasetInfo& last = read.back().info;
  if (first.channels != last.channels || first.targets != last.targets) {
    throw DataError(last.path + ": expected " + std::to_string(first.channels) + " channels and " +
                    std::to_string(first.targets.size()) + " targets like " + first.path +
                    ", found " + std::to_string(last.channels) + " and " +
                    std::to_string(last.targets.size()));
  }
  number_classes(read);
  DataParts result;
  result.train = std::make_shared<ResidentDataset>(std::move(read[0]));
  if (read.size() > 1) result.test = std::make_shared<ResidentDataset>(std::move(read[1]));
  return result;
}

/// The array beside FILE.npy: FILE_KIND.npy or FILE.KIND.npy.
std::optional<Named> read_beside(const std::string& path, const std::string& kind) {
  const std::string stem = std::filesystem::path(path).replace_extension().string();
  std::vector<std::string> there;
  for (const char* separator : {"_", "."}) {
    const std::string candidate = stem + separator + kind + ".npy";
    if (std::filesystem::is_regular_file(candidate)) there.push_back(candidate);
  }
  if (there.empty()) return std::nullopt;
  if (there.size() > 1) {
    throw DataError(path + ": expected one file of " + kind + ", found " + there[0] + " and " +
                    there[1]);
  }
  return Named{there[0], read_npy(there[0])};
}

std::optional<Named> take(SafetensorsFile& file, const std::string& name) {
  for (auto& [own, tensor] : file.tensors) {
    if (own == name) return Named{file.path + ":" + name, std::move(tensor)};
  }
  return std::nullopt;
}

ArrayPart take_part(SafetensorsFile& file, const std::string& prefix) {
  ArrayPart part{take(file, prefix + "images"), take(file, prefix + "labels"),
                 take(file, prefix + "targets")};
  if (!part.images && (prefix.empty() || part.labels || part.targets)) {
    throw DataError(file.path + ": expected a tensor \"" + prefix +
                    "images\" of uint8 images, found none");
  }
  return part;
}

}  // namespace

DataParts open_npy(const std::string& path, const std::string& name, Log& log) {
  std::vector<ArrayPart> parts(1);
  parts[0].images = Named{path, read_npy(path)};
  parts[0].labels = read_beside(path, "labels");
  parts[0].targets = read_beside(path, "targets");
  return open_parts(std::move(parts), name, "npy", log);
}

DataParts open_safetensors(const std::string& path, const std::string& name, Log& log) {
  SafetensorsFile file = read_safetensors(path);
  std::vector<ArrayPart> parts;
  parts.push_back(take_part(file, ""));
  ArrayPart test = take_part(file, "test_");
  if (test.images) parts.push_back(std::move(test));
  return open_parts(std::move(parts), name, "safetensors", log);
}

}  // namespace nearfar
