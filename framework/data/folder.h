// A data set of image files under a folder, decoded when they are read.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "framework/data/image_tree.h"
#include "framework/data/open.h"

namespace nearfar {

class FolderDataset final : public Dataset {
 public:
  /// `labels` has one entry for each path of the tree, or none at all; `targets`
  /// info.targets.size() of them. Images are RGB.
  FolderDataset(DatasetInfo info, ImageTree tree, std::vector<int64_t> labels, int64_t max_pixels,
                std::vector<float> targets = {});
  const DatasetInfo& info() const override { return info_; }
  int64_t label(int64_t index) const override;
  std::span<const float> target(int64_t index) const override;
  std::string place(int64_t index) const override;
  Image read(int64_t index, PixelBuffer& storage) const override;
  Image read_window(int64_t index, PixelBuffer& storage, const WindowChoice& choose) const override;

 private:
  DatasetInfo info_;
  ImageTree tree_;
  std::vector<int64_t> labels_;
  int64_t max_pixels_;
  std::vector<float> targets_;
};

/// A set of nothing but unreadable files is an error at the start, not in the first batch: throws
/// DataError naming the first where none of the first 1,000 images can be read.
void require_a_readable_image(const Dataset& images);

/// Opens a tree of images. train/ beside test/ or val/, or train/ alone, are its parts (test/
/// before val/; one without labels is left out where train/ has labels; val/ beside test/ is opened
/// only `with_val`); otherwise everything is the training part. Labels are the first sub-folders'
/// names where all images lie in sub-folders; classes are those of all parts that are opened, in
/// natural order. Throws DataError naming the path where there are no images, or none of the
/// first 1,000 can be read.
DataParts open_folder(const std::string& folder, const std::string& name, int64_t max_pixels,
                      Log& log, bool with_val = false);

}  // namespace nearfar
