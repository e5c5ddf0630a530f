// Resident data sets and their class names.
#include "framework/data/resident.h"

#include <algorithm>
#include <fstream>
#include <stdexcept>

namespace nearfar {

ResidentDataset::ResidentDataset(ResidentImages images) : images_(std::move(images)) {
  const DatasetInfo& info = images_.info;
  const auto bytes = static_cast<size_t>(info.size * info.height * info.width * info.channels);
  const bool labels_fit =
      images_.labels.empty() || static_cast<int64_t>(images_.labels.size()) == info.size;
  const bool targets_fit =
      images_.targets.size() == static_cast<size_t>(info.size) * info.targets.size();
  if (images_.pixels.size() != bytes || !labels_fit || !targets_fit || images_.files.empty()) {
    throw std::invalid_argument("ResidentDataset: expected pixels, labels and targets of " +
                                std::to_string(info.size) + " images and the files they are from");
  }
}

int64_t ResidentDataset::label(int64_t index) const {
  return images_.labels.empty() ? -1 : images_.labels[static_cast<size_t>(index)];
}

std::span<const float> ResidentDataset::target(int64_t index) const {
  const size_t width = images_.info.targets.size();
  return std::span(images_.targets).subspan(static_cast<size_t>(index) * width, width);
}

std::string ResidentDataset::place(int64_t index) const {
  auto after =
      std::upper_bound(images_.files.begin(), images_.files.end(), index,
                       [](int64_t row, const SourceFile& file) { return row < file.first_row; });
  const SourceFile& file = *std::prev(after);
  return file.path + "[" + std::to_string(index - file.first_row) + "]";
}

Image ResidentDataset::read(int64_t index, PixelBuffer&) const {
  const DatasetInfo& info = images_.info;
  const int64_t bytes = int64_t{info.height} * info.width * info.channels;
  return whole_image(images_.pixels.data() + index * bytes, info.height, info.width, info.channels);
}

std::vector<std::string> numbered_classes(int64_t count) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < count; ++i) names.push_back(std::to_string(i));
  return names;
}

std::vector<std::string> read_class_names(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> names;
  for (std::string line; std::getline(file, line);) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (!line.empty()) names.push_back(line);
  }
  if (names.empty()) throw DataError(path + ": expected one class name a line, found none");
  return names;
}

}  // namespace nearfar
