// A data set that lies in memory as 8-bit pixels; images borrow from it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "framework/data/dataset.h"

namespace nearfar {

/// A file that rows of a resident set came from.
struct SourceFile {
  std::string path;
  int64_t first_row = 0;
};

struct ResidentImages {
  DatasetInfo info;               // size, channels, height and width are those of `pixels`
  std::vector<uint8_t> pixels;    // [size, height, width, channels]
  std::vector<int64_t> labels;    // [size], -1: none; or empty: no labels
  std::vector<float> targets;     // [size, info.targets.size()]
  std::vector<SourceFile> files;  // in row order, the first one begins at 0
};

class ResidentDataset final : public Dataset {
 public:
  /// Throws std::invalid_argument where sizes do not fit each other.
  explicit ResidentDataset(ResidentImages images);
  const DatasetInfo& info() const override { return images_.info; }
  int64_t label(int64_t index) const override;
  std::span<const float> target(int64_t index) const override;
  std::string place(int64_t index) const override;
  Image read(int64_t index, PixelBuffer& storage) const override;

 private:
  ResidentImages images_;
};

/// "0", "1", ... for classes without names.
std::vector<std::string> numbered_classes(int64_t count);

/// The lines of a text file of class names, blank ones left out. Throws DataError naming the file
/// where it cannot be read or holds none.
std::vector<std::string> read_class_names(const std::string& path);

}  // namespace nearfar
