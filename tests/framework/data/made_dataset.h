// Data sets made in memory for tests, some of whose images cannot be read.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "framework/data/dataset.h"

namespace nearfar {

/// Image i is [height, width, channels] with pixel p equal to (i * 13 + p * 7) % 256; label i %
/// classes.
class MadeDataset final : public Dataset {
 public:
  MadeDataset(int64_t size, int channels, int height, int width, int64_t classes,
              std::set<int64_t> bad = {})
      : classes_(classes), bad_(std::move(bad)) {
    info_ = {"made", "/made", "idx", size, channels, height, width, {}};
    for (int64_t c = 0; c < classes; ++c) info_.class_names.push_back(std::to_string(c));
  }
  const DatasetInfo& info() const override { return info_; }
  int64_t label(int64_t index) const override { return classes_ == 0 ? -1 : index % classes_; }
  std::string place(int64_t index) const override { return "made[" + std::to_string(index) + "]"; }
  Image read(int64_t index, PixelBuffer& storage) const override {
    if (bad_.count(index)) throw BadImage(place(index) + ": made unreadable");
    storage.bytes.resize(static_cast<size_t>(info_.height * info_.width * info_.channels));
    for (size_t p = 0; p < storage.bytes.size(); ++p) {
      storage.bytes[p] = static_cast<uint8_t>(index * 13 + static_cast<int64_t>(p) * 7);
    }
    return whole_image(storage.bytes.data(), info_.height, info_.width, info_.channels);
  }

 private:
  DatasetInfo info_;
  int64_t classes_;
  std::set<int64_t> bad_;
};

}  // namespace nearfar
