// Readers of idx files, the format of the MNIST family (yann.lecun.com/exdb/mnist), plain or
// gzipped.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/data/open.h"

namespace nearfar {

struct IdxImages {
  int64_t count = 0;
  int height = 0;
  int width = 0;
  std::vector<uint8_t> pixels;  // [count, height, width]
};

/// Reads an images file (magic 0x00000803, then count, rows, columns as big-endian 32-bit numbers).
/// The header's sizes are held against the file's size before memory is taken. Throws DataError
/// naming the file, what was expected and what was found.
IdxImages read_idx_images(const std::string& path);

/// Reads a labels file (magic 0x00000801, then the count). Throws like read_idx_images.
std::vector<uint8_t> read_idx_labels(const std::string& path);

/// Whether a folder holds train-images-idx3-ubyte or t10k-images-idx3-ubyte, with or without .gz.
bool holds_idx(const std::string& folder);

/// Opens the parts of such a folder, resident. A part without its images file is null; one without
/// its labels file has no labels. Class names come from class_names.txt where there is one, else
/// they are numbers. `name` is for DatasetInfo.
DataParts open_idx(const std::string& folder, const std::string& name);

}  // namespace nearfar
