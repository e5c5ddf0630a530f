// A data set whose images or labels go through a function.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "framework/data/dataset.h"

namespace nearfar {

/// Returns a picture made of `image`: either written into `storage`, or (a part of) `image` itself.
/// Called from several threads.
using ImageMap = std::function<Image(const Image& image, PixelBuffer& storage)>;
/// The new class of an image of class `label`; -1: none. Called from several threads.
using LabelMap = std::function<int64_t(int64_t label)>;

/// `source` with its images mapped: whole images, whatever window is wanted. All results have
/// `channels`; height and width are those of all results, or 0 where they differ.
std::shared_ptr<const Dataset> map_images(std::shared_ptr<const Dataset> source, ImageMap map,
                                          int channels, int height, int width);

/// `source` with its labels mapped into classes of these names.
std::shared_ptr<const Dataset> map_labels(std::shared_ptr<const Dataset> source, LabelMap map,
                                          std::vector<std::string> class_names);

}  // namespace nearfar
