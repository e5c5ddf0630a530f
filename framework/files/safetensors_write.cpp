// Writes safetensors files: tensors by alignment, then name; the header padded to 8 bytes.
#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>

#include "framework/files/safetensors.h"
#include "framework/json/json.h"

namespace nearfar {
namespace {

using NamedView = std::pair<std::string, RawTensorView>;

void check_sizes(const std::vector<NamedView>& ordered) {
  for (const auto& [name, tensor] : ordered) {
    uint64_t bytes = dtype_size(tensor.dtype);
    if (bytes == 0) {
      throw std::invalid_argument("safetensors: \"" + name + "\" has unknown dtype " +
                                  tensor.dtype);
    }
    for (const int64_t dimension : tensor.shape) {
      if (dimension < 0 ||
          __builtin_mul_overflow(bytes, static_cast<uint64_t>(dimension), &bytes)) {
        throw std::invalid_argument("safetensors: \"" + name + "\" has an impossible shape");
      }
    }
    if (bytes != tensor.size) {
      throw std::invalid_argument("safetensors: \"" + name + "\" has " +
                                  std::to_string(tensor.size) + " bytes, its shape needs " +
                                  std::to_string(bytes));
    }
  }
}

std::vector<NamedView> in_file_order(std::vector<NamedView> tensors) {
  std::sort(tensors.begin(), tensors.end(), [](const NamedView& a, const NamedView& b) {
    const size_t size_a = dtype_size(a.second.dtype);
    const size_t size_b = dtype_size(b.second.dtype);
    return size_a != size_b ? size_a > size_b : a.first < b.first;
  });
  return tensors;
}

std::string header_text(const std::vector<NamedView>& ordered, const Metadata& metadata) {
  std::vector<Json::Member> members;
  for (const auto& [key, value] : metadata) members.emplace_back(key, Json(value));
  if (!metadata.contains("format")) members.emplace_back("format", Json("pt"));
  std::vector<Json::Member> entries{{"__metadata__", Json::object(std::move(members))}};
  uint64_t position = 0;
  for (const auto& [name, tensor] : ordered) {
    Json shape = Json::array();
    for (const int64_t dimension : tensor.shape) shape.push_back(Json(dimension));
    const uint64_t begin = position;
    position += tensor.size;
    Json offsets =
        Json::array({Json(static_cast<int64_t>(begin)), Json(static_cast<int64_t>(position))});
    entries.emplace_back(name, Json::object({{"dtype", Json(tensor.dtype)},
                                             {"shape", std::move(shape)},
                                             {"data_offsets", std::move(offsets)}}));
  }
  std::string text = to_text(Json::object(std::move(entries)), -1);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

void refuse_duplicates(const std::vector<NamedView>& tensors) {
  std::vector<std::string> names{"__metadata__"};
  for (const auto& [name, tensor] : tensors) names.push_back(name);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) {
    throw std::invalid_argument("safetensors: \"" + *twice + "\" twice or reserved");
  }
}

}  // namespace

size_t dtype_size(const std::string& dtype) {
  static const std::array<std::pair<const char*, size_t>, 17> sizes{{{"BOOL", 1},
                                                                     {"U8", 1},
                                                                     {"I8", 1},
                                                                     {"F8_E5M2", 1},
                                                                     {"F8_E4M3", 1},
                                                                     {"F8_E8M0", 1},
                                                                     {"I16", 2},
                                                                     {"U16", 2},
                                                                     {"F16", 2},
                                                                     {"BF16", 2},
                                                                     {"I32", 4},
                                                                     {"U32", 4},
                                                                     {"F32", 4},
                                                                     {"C64", 8},
                                                                     {"F64", 8},
                                                                     {"I64", 8},
                                                                     {"U64", 8}}};
  const auto found = std::find_if(sizes.begin(), sizes.end(),
                                  [&](const auto& entry) { return entry.first == dtype; });
  return found == sizes.end() ? 0 : found->second;
}

std::vector<uint8_t> encode_safetensors(const std::vector<NamedView>& tensors,
                                        const Metadata& metadata) {
  refuse_duplicates(tensors);
  const std::vector<NamedView> ordered = in_file_order(tensors);
  check_sizes(ordered);
  const std::string header = header_text(ordered, metadata);
  size_t total = 8 + header.size();
  for (const auto& [name, tensor] : ordered) total += tensor.size;
  std::vector<uint8_t> bytes;
  bytes.reserve(total);
  for (int i = 0; i < 8; ++i) {
    bytes.push_back(static_cast<uint8_t>(static_cast<uint64_t>(header.size()) >> (8 * i)));
  }
  bytes.insert(bytes.end(), header.begin(), header.end());
  for (const auto& [name, tensor] : ordered) {
    const auto* begin = static_cast<const uint8_t*>(tensor.bytes);
    if (tensor.size > 0) bytes.insert(bytes.end(), begin, begin + tensor.size);
  }
  return bytes;
}

void write_safetensors(FileSystem& files, const std::string& path,
                       const std::vector<NamedView>& tensors, const Metadata& metadata) {
  const std::vector<uint8_t> bytes = encode_safetensors(tensors, metadata);
  replace_file(files, path, bytes.data(), bytes.size());
}

}  // namespace nearfar
