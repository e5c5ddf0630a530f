// Subsets of data sets.
#include "framework/data/subset.h"

#include <stdexcept>
#include <string>

namespace nearfar {
namespace {

class Subset final : public Dataset {
 public:
  Subset(std::shared_ptr<const Dataset> whole, std::vector<int64_t> indices)
      : whole_(std::move(whole)), indices_(std::move(indices)), info_(whole_->info()) {
    for (int64_t index : indices_) {
      if (index < 0 || index >= info_.size) {
        throw std::out_of_range("subset: expected indices below " + std::to_string(info_.size) +
                                ", got " + std::to_string(index));
      }
    }
    info_.size = static_cast<int64_t>(indices_.size());
  }
  const DatasetInfo& info() const override { return info_; }
  int64_t label(int64_t index) const override { return whole_->label(inner(index)); }
  std::span<const float> target(int64_t index) const override {
    return whole_->target(inner(index));
  }
  std::string place(int64_t index) const override { return whole_->place(inner(index)); }
  Image read(int64_t index, PixelBuffer& storage) const override {
    return whole_->read(inner(index), storage);
  }
  Image read_window(int64_t index, PixelBuffer& storage,
                    const WindowChoice& choose) const override {
    return whole_->read_window(inner(index), storage, choose);
  }

 private:
  int64_t inner(int64_t index) const { return indices_[static_cast<size_t>(index)]; }

  std::shared_ptr<const Dataset> whole_;
  std::vector<int64_t> indices_;
  DatasetInfo info_;
};

}  // namespace

std::shared_ptr<const Dataset> subset(std::shared_ptr<const Dataset> whole,
                                      std::vector<int64_t> indices) {
  return std::make_shared<Subset>(std::move(whole), std::move(indices));
}

}  // namespace nearfar
