// Mapped data sets.
#include "framework/data/map.h"

namespace nearfar {
namespace {

class MappedImages final : public Dataset {
 public:
  MappedImages(std::shared_ptr<const Dataset> source, ImageMap map, DatasetInfo info)
      : source_(std::move(source)), map_(std::move(map)), info_(std::move(info)) {}
  const DatasetInfo& info() const override { return info_; }
  int64_t label(int64_t index) const override { return source_->label(index); }
  std::span<const float> target(int64_t index) const override { return source_->target(index); }
  std::string place(int64_t index) const override { return source_->place(index); }
  Image read(int64_t index, PixelBuffer& storage) const override {
    PixelBuffer source;
    const Image result = map_(source_->read(index, source), storage);
    const uint8_t* begin = source.bytes.data();
    // A part of the source picture lives on in the caller's storage; swapping moves no bytes.
    if (result.pixels >= begin && result.pixels < begin + source.bytes.size()) {
      std::swap(source.bytes, storage.bytes);
    }
    return result;
  }

 private:
  std::shared_ptr<const Dataset> source_;
  ImageMap map_;
  DatasetInfo info_;
};

class MappedLabels final : public Dataset {
 public:
  MappedLabels(std::shared_ptr<const Dataset> source, LabelMap map,
               std::vector<std::string> class_names)
      : source_(std::move(source)), map_(std::move(map)), info_(source_->info()) {
    info_.class_names = std::move(class_names);
  }
  const DatasetInfo& info() const override { return info_; }
  int64_t label(int64_t index) const override { return map_(source_->label(index)); }
  std::span<const float> target(int64_t index) const override { return source_->target(index); }
  std::string place(int64_t index) const override { return source_->place(index); }
  Image read(int64_t index, PixelBuffer& storage) const override {
    return source_->read(index, storage);
  }
  Image read_window(int64_t index, PixelBuffer& storage,
                    const WindowChoice& choose) const override {
    return source_->read_window(index, storage, choose);
  }

 private:
  std::shared_ptr<const Dataset> source_;
  LabelMap map_;
  DatasetInfo info_;
};

}  // namespace

std::shared_ptr<const Dataset> map_images(std::shared_ptr<const Dataset> source, ImageMap map,
                                          int channels, int height, int width) {
  DatasetInfo info = source->info();
  info.channels = channels;
  info.height = height;
  info.width = width;
  return std::make_shared<MappedImages>(std::move(source), std::move(map), std::move(info));
}

std::shared_ptr<const Dataset> map_labels(std::shared_ptr<const Dataset> source, LabelMap map,
                                          std::vector<std::string> class_names) {
  return std::make_shared<MappedLabels>(std::move(source), std::move(map), std::move(class_names));
}

}  // namespace nearfar
