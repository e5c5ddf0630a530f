// What a data set is: images by index, decoded to 8 bits, with optional labels and targets.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "augment/image.h"
#include "augment/view.h"
#include "framework/error.h"

namespace nearfar {

struct DatasetInfo {
  std::string name;  // short, for run names: "fashion-mnist"
  std::string path;
  std::string format;  // "folder", "idx", "cifar10", "cifar100", "csv", "npy", "safetensors"
  int64_t size = 0;
  int channels = 3;  // 1 or 3, the same for all images
  int height = 0;    // 0: images differ in size
  int width = 0;
  std::vector<std::string> class_names;   // empty: no labels
  std::vector<std::string> targets = {};  // names of an image's real-valued targets; empty: none
};

/// Owned pixels that a reader decodes into; reused from image to image.
struct PixelBuffer {
  std::vector<uint8_t> bytes;

  /// Memory for `count` bytes, whose contents are left over from earlier images. Never gives memory
  /// back: filling what is overwritten anyway with zeros costs as much as copying an image.
  uint8_t* make_room(size_t count) {
    if (bytes.size() < count) bytes.resize(count);
    return bytes.data();
  }
};

/// The part of an image that is needed, given its upright size in pixels: a box that is not empty
/// and lies inside.
using WindowChoice = std::function<Box(int height, int width)>;

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
  /// Real-valued targets of image `index`, one for each of info().targets; valid as long as the
  /// set.
  virtual std::span<const float> target(int64_t /*index*/) const { return {}; }
  /// Where the image comes from, for messages: a path, or "file[row]".
  virtual std::string place(int64_t index) const = 0;
  /// The image, either borrowed from resident memory or decoded into `storage`; valid as long as
  /// both live. Throws BadImage.
  virtual Image read(int64_t index, PixelBuffer& storage) const = 0;
  /// Like read(), but what comes back may be any window that contains what the choice asks for. A
  /// set that can decode parts calls it once, as soon as it knows the size; the others read the
  /// whole image and never call it. Whether an image can be read does not depend on its window.
  virtual Image read_window(int64_t index, PixelBuffer& storage, const WindowChoice&) const {
    return read(index, storage);
  }
};

}  // namespace nearfar
