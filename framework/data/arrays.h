// Arrays as data sets: .npy files and .safetensors files, resident.
#pragma once

#include <string>

#include "framework/data/open.h"

namespace nearfar {

/// Opens FILE.npy: uint8 images [N, height, width], [N, height, width, 1 or 3] or [N, 1 or 3,
/// height, width], told apart by the shape (channels last where both fit) and named in the log.
/// Labels are FILE_labels.npy or FILE.labels.npy, integers [N] or [N, 1]; targets FILE_targets.npy
/// or FILE.targets.npy, floats [N] or [N, t]. `name` is for DatasetInfo. Throws DataError naming
/// the file, what was expected and what was found.
DataParts open_npy(const std::string& path, const std::string& name, Log& log);

/// Opens a .safetensors file with `images` and, where they are there, `labels`, `targets`,
/// `test_images`, `test_labels` and `test_targets` of the same forms; other tensors are left out.
/// Classes are the different labels of both parts in ascending order, -1 is no label.
DataParts open_safetensors(const std::string& path, const std::string& name, Log& log);

}  // namespace nearfar
