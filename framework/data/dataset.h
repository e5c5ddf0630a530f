// What a data set is: images by index, decoded to 8 bits, with optional labels.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "augment/image.h"
#include "framework/error.h"

namespace nearfar {

struct DatasetInfo {
  std::string name;  // short, for run names: "fashion-mnist"
  std::string path;
  std::string format;  // "idx", "cifar10", "cifar100", "folder"
  int64_t size = 0;
  int channels = 3;  // 1 or 3, the same for all images
  int height = 0;    // 0: images differ in size
  int width = 0;
  std::vector<std::string> class_names;  // empty: no labels
};

/// Owned pixels that a reader decodes into; reused from image to image.
struct PixelBuffer {
  std::vector<uint8_t> bytes;
};

/// An image that cannot be read: the message names the path and the reason.
struct BadImage : DataError {
  using DataError::DataError;
};

/// Images by index. Reading is const and thread-safe.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual const DatasetInfo& info() const = 0;
  /// Class of image `index` in [0, class_names.size()), or -1 where there are no labels.
  virtual int64_t label(int64_t index) const = 0;
  /// Where the image comes from, for messages: a path, or "file[row]".
  virtual std::string place(int64_t index) const = 0;
  /// The image, either borrowed from resident memory or decoded into `storage`; valid as long as
  /// both live. Throws BadImage.
  virtual Image read(int64_t index, PixelBuffer& storage) const = 0;
};

}  // namespace nearfar
