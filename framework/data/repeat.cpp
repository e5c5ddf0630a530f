// Repeated data sets.
#include "framework/data/repeat.h"

#include <stdexcept>
#include <string>

namespace nearfar {
namespace {

class Repeat final : public Dataset {
 public:
  Repeat(std::shared_ptr<const Dataset> once, int64_t times)
      : once_(std::move(once)), info_(once_->info()) {
    if (times < 1) {
      throw std::invalid_argument("repeat: expected times > 0, got " + std::to_string(times));
    }
    info_.size *= times;
  }
  const DatasetInfo& info() const override { return info_; }
  int64_t label(int64_t index) const override { return once_->label(inner(index)); }
  std::span<const float> target(int64_t index) const override {
    return once_->target(inner(index));
  }
  std::string place(int64_t index) const override { return once_->place(inner(index)); }
  Image read(int64_t index, PixelBuffer& storage) const override {
    return once_->read(inner(index), storage);
  }
  Image read_window(int64_t index, PixelBuffer& storage,
                    const WindowChoice& choose) const override {
    return once_->read_window(inner(index), storage, choose);
  }

 private:
  int64_t inner(int64_t index) const { return index % once_->info().size; }

  std::shared_ptr<const Dataset> once_;
  DatasetInfo info_;
};

}  // namespace

std::shared_ptr<const Dataset> repeat(std::shared_ptr<const Dataset> once, int64_t times) {
  return std::make_shared<Repeat>(std::move(once), times);
}

}  // namespace nearfar
