// safetensors files, strictly: https://github.com/huggingface/safetensors (format, README and
// tensor.rs).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "framework/files/file_system.h"

namespace nearfar {

/// A tensor's bytes and type, row-major little-endian. dtype is the format's name: F32, I64, U8,
/// ...
struct RawTensor {
  std::string dtype;
  std::vector<int64_t> shape;
  std::vector<uint8_t> bytes;
};

/// Borrowed bytes, for writing.
struct RawTensorView {
  std::string dtype;
  std::vector<int64_t> shape;
  const void* bytes = nullptr;
  size_t size = 0;
};

using Metadata = std::map<std::string, std::string>;

struct SafetensorsFile {
  std::vector<std::pair<std::string, RawTensor>> tensors;  // in the order of the file's offsets
  Metadata metadata;
  /// The tensor of that name; throws DataError naming the file and the name when there is none.
  const RawTensor& at(const std::string& name) const;
  const RawTensor* find(const std::string& name) const;
  std::string path;
};

/// Bytes of one element; 0 for an unknown dtype.
size_t dtype_size(const std::string& dtype);

/// Reads and checks a file: header of at most 100,000,000 bytes and 2^20 values, offsets contiguous
/// without holes or overlaps up to the file's end, sizes equal to shapes (overflow checked), no
/// duplicate names. All limits are checked before memory is taken. Throws DataError "PATH: what".
SafetensorsFile read_safetensors(const std::string& path);

/// The bytes of a file: tensors ordered by alignment (descending) then name, header padded with
/// spaces to 8 bytes, metadata with "format": "pt" added unless it names a format. Throws
/// std::invalid_argument for a size that does not fit its shape or a duplicate name.
std::vector<uint8_t> encode_safetensors(
    const std::vector<std::pair<std::string, RawTensorView>>& tensors, const Metadata& metadata);

/// encode_safetensors, then replace_file: PATH holds the old file or the whole new one. Throws
/// EnvironmentError "PATH: reason".
void write_safetensors(FileSystem& files, const std::string& path,
                       const std::vector<std::pair<std::string, RawTensorView>>& tensors,
                       const Metadata& metadata);

}  // namespace nearfar
