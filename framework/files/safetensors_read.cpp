// Reads safetensors files; a file is believed only after every number in its header has been
// checked.
#include <algorithm>
#include <cstring>
#include <fstream>

#include "framework/error.h"
#include "framework/files/safetensors.h"
#include "framework/json/json.h"

namespace nearfar {
namespace {

constexpr uint64_t kLargestHeader = 100'000'000;
constexpr int kHeaderDepth = 4;
// Ten to a tensor: some hundred thousand tensors. Parsed values take far more memory than their
// text.
constexpr size_t kHeaderValues = size_t{1} << 20;

/// A tensor as the header describes it, checked in itself.
struct Entry {
  std::string name;
  std::string dtype;
  std::vector<int64_t> shape;
  uint64_t begin = 0;
  uint64_t end = 0;
};

/// The header's JSON may not hold comments, which the project's own config parser accepts.
void refuse_comments(const std::string& header) {
  bool in_string = false;
  for (size_t i = 0; i < header.size(); ++i) {
    if (in_string && header[i] == '\\') {
      ++i;
    } else if (header[i] == '"') {
      in_string = !in_string;
    } else if (!in_string && header[i] == '/') {
      throw DataError("header: comments are not allowed");
    }
  }
}

std::string read_header(std::istream& file, uint64_t file_size) {
  uint8_t prefix[8];
  if (file_size < sizeof prefix || !file.read(reinterpret_cast<char*>(prefix), sizeof prefix)) {
    throw DataError("too short for a safetensors file: " + std::to_string(file_size) + " bytes");
  }
  uint64_t length = 0;
  for (int i = 7; i >= 0; --i) length = length << 8 | prefix[i];
  if (length > kLargestHeader) {
    throw DataError("header of " + std::to_string(length) + " bytes is above the limit of " +
                    std::to_string(kLargestHeader) + "; not a safetensors file?");
  }
  if (length > file_size - sizeof prefix) {
    throw DataError("truncated: header of " + std::to_string(length) + " bytes in a file of " +
                    std::to_string(file_size));
  }
  std::string header(length, '\0');
  if (!file.read(header.data(), static_cast<std::streamsize>(length))) {
    throw DataError("the header cannot be read");
  }
  if (header.empty() || header.front() != '{') throw DataError("header does not start with '{'");
  refuse_comments(header);
  return header;
}

Metadata parse_metadata(const Json& json) {
  if (!json.is_object()) throw DataError("__metadata__ is not an object");
  Metadata metadata;
  for (const auto& [key, value] : json.members()) {
    if (!value.is_string()) throw DataError("__metadata__ \"" + key + "\" is not a string");
    metadata[key] = value.as_string();
  }
  return metadata;
}

int64_t natural(const Json& json, const std::string& what) {
  if (json.kind() != Json::Kind::integer || json.as_int() < 0) {
    throw DataError(what + ": expected integers of at least 0");
  }
  return json.as_int();
}

/// Bytes that the shape asks for.
uint64_t shape_bytes(const Entry& entry) {
  uint64_t bytes = dtype_size(entry.dtype);
  for (const int64_t dimension : entry.shape) {
    if (__builtin_mul_overflow(bytes, static_cast<uint64_t>(dimension), &bytes) ||
        bytes > static_cast<uint64_t>(INT64_MAX)) {
      throw DataError("tensor \"" + entry.name + "\": shape overflows");
    }
  }
  return bytes;
}

Entry parse_entry(const std::string& name, const Json& json) {
  const std::string what = "tensor \"" + name + "\"";
  const Json* dtype = json.is_object() ? json.find("dtype") : nullptr;
  const Json* shape = json.is_object() ? json.find("shape") : nullptr;
  const Json* offsets = json.is_object() ? json.find("data_offsets") : nullptr;
  if (!dtype || !shape || !offsets || json.members().size() != 3 || !dtype->is_string() ||
      !shape->is_array() || !offsets->is_array() || offsets->items().size() != 2) {
    throw DataError(what + ": expected {\"dtype\", \"shape\", \"data_offsets\": [begin, end]}");
  }
  Entry entry;
  entry.name = name;
  entry.dtype = dtype->as_string();
  if (dtype_size(entry.dtype) == 0) throw DataError(what + ": unknown dtype " + entry.dtype);
  for (const Json& item : shape->items()) entry.shape.push_back(natural(item, what + " shape"));
  entry.begin = static_cast<uint64_t>(natural(offsets->items()[0], what + " data_offsets"));
  entry.end = static_cast<uint64_t>(natural(offsets->items()[1], what + " data_offsets"));
  const uint64_t bytes = shape_bytes(entry);
  if (entry.end < entry.begin || entry.end - entry.begin != bytes) {
    throw DataError(what + ": data_offsets [" + std::to_string(entry.begin) + ", " +
                    std::to_string(entry.end) + "] do not hold the " + std::to_string(bytes) +
                    " bytes of its shape");
  }
  return entry;
}

/// Offsets must cover the buffer exactly, in any order of the header.
void check_cover(std::vector<Entry>& entries, uint64_t buffer) {
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  uint64_t position = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != position) {
      throw DataError("tensor \"" + entry.name + "\": begins at " + std::to_string(entry.begin) +
                      ", expected " + std::to_string(position) +
                      (entry.begin < position ? " (overlap)" : " (hole)"));
    }
    position = entry.end;
  }
  if (position != buffer) {
    throw DataError("tensors end at byte " + std::to_string(position) + " of a buffer of " +
                    std::to_string(buffer) + (position > buffer ? " (truncated)" : " (hole)"));
  }
}

void read_opened(std::istream& file, SafetensorsFile& result) {
  file.seekg(0, std::ios::end);
  const std::streamoff end = file.tellg();
  if (end < 0) throw DataError("cannot be read as a file");
  file.seekg(0);
  const std::string header = read_header(file, static_cast<uint64_t>(end));
  const Json json = parse_json(
      header, "header", {.bytes = header.size(), .depth = kHeaderDepth, .values = kHeaderValues});
  std::vector<Entry> entries;
  for (const auto& [name, value] : json.members()) {
    if (name == "__metadata__") {
      result.metadata = parse_metadata(value);
    } else {
      entries.push_back(parse_entry(name, value));
    }
  }
  check_cover(entries, static_cast<uint64_t>(end) - 8 - header.size());
  for (Entry& entry : entries) {
    std::vector<uint8_t> bytes(entry.end - entry.begin);
    if (!file.read(reinterpret_cast<char*>(bytes.data()),
                   static_cast<std::streamsize>(bytes.size()))) {
      throw DataError("tensor \"" + entry.name + "\" cannot be read");
    }
    result.tensors.emplace_back(
        std::move(entry.name),
        RawTensor{std::move(entry.dtype), std::move(entry.shape), std::move(bytes)});
  }
}

}  // namespace

SafetensorsFile read_safetensors(const std::string& path) {
  SafetensorsFile result;
  result.path = path;
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) throw DataError(path + ": " + std::strerror(errno));
  try {
    read_opened(file, result);
  } catch (const Error& error) {
    throw DataError(path + ": " + error.what());
  }
  return result;
}

const RawTensor* SafetensorsFile::find(const std::string& name) const {
  const auto found = std::find_if(tensors.begin(), tensors.end(),
                                  [&](const auto& entry) { return entry.first == name; });
  return found == tensors.end() ? nullptr : &found->second;
}

const RawTensor& SafetensorsFile::at(const std::string& name) const {
  const RawTensor* found = find(name);
  if (!found) throw DataError(path + ": no tensor \"" + name + "\"");
  return *found;
}

}  // namespace nearfar
