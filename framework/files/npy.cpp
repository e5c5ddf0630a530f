// The header of a .npy file is a Python literal; only what NumPy writes is understood.
#include "framework/files/npy.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>
#include <optional>

#include "framework/error.h"

namespace nearfar {
namespace {

constexpr uint64_t kLargestHeader = 1 << 16;
constexpr size_t kMostDimensions = 64;

struct Header {
  std::optional<std::string> descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<int64_t>> shape;
};

/// {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
class HeaderParser {
 public:
  explicit HeaderParser(const std::string& text) : text_(text) {}

  Header parse() {
    expect('{');
    while (!accept('}')) {
      const std::string key = string();
      expect(':');
      value(key);
      if (accept(',')) continue;
      expect('}');
      break;
    }
    skip_spaces();
    if (at_ != text_.size()) refuse("nothing more");
    if (!header_.descr || !header_.fortran_order || !header_.shape) {
      refuse("the keys descr, fortran_order and shape");
    }
    return std::move(header_);
  }

 private:
  [[noreturn]] void refuse(const std::string& expected) const {
    throw DataError("header: expected " + expected + " at byte " + std::to_string(at_));
  }

  void value(const std::string& key) {
    if (key == "descr" && !header_.descr) {
      skip_spaces();
      if (at_ < text_.size() && text_[at_] == '[') {
        throw DataError("expected an array of plain numbers, found one of structures");
      }
      header_.descr = string();
    } else if (key == "fortran_order" && !header_.fortran_order) {
      header_.fortran_order = boolean();
    } else if (key == "shape" && !header_.shape) {
      header_.shape = tuple();
    } else {
      refuse("each of descr, fortran_order and shape once, not \"" + key + "\",");
    }
  }

  void skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }

  bool accept(char c) {
    skip_spaces();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  void expect(char c) {
    if (!accept(c)) refuse(std::string("'") + c + "'");
  }

  std::string string() {
    const char quote = accept('\'') ? '\'' : '"';
    if (quote == '"') expect('"');
    const size_t end = text_.find(quote, at_);
    if (end == std::string::npos) refuse("a closing quote");
    const std::string result = text_.substr(at_, end - at_);
    if (result.find('\\') != std::string::npos) refuse("a string without escapes");
    at_ = end + 1;
    return result;
  }

  bool boolean() {
    skip_spaces();
    for (const auto& [word, truth] : {std::pair("True", true), std::pair("False", false)}) {
      if (text_.compare(at_, std::strlen(word), word) != 0) continue;
      at_ += std::strlen(word);
      return truth;
    }
    refuse("True or False");
  }

  std::vector<int64_t> tuple() {
    std::vector<int64_t> numbers;
    expect('(');
    while (!accept(')')) {
      numbers.push_back(natural());
      if (numbers.size() > kMostDimensions) refuse("at most 64 dimensions");
      if (accept(',')) continue;
      expect(')');
      break;
    }
    return numbers;
  }

  int64_t natural() {
    skip_spaces();
    int64_t number = 0;
    const char* begin = text_.data() + at_;
    const auto [end, failure] = std::from_chars(begin, text_.data() + text_.size(), number);
    if (failure != std::errc() || number < 0) refuse("a number of at least 0");
    at_ += static_cast<size_t>(end - begin);
    if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // Python 2 wrote 3L
    return number;
  }

  const std::string& text_;
  size_t at_ = 0;
  Header header_;
};

/// "<f4" to F32; whether its bytes are big-endian.
std::pair<std::string, bool> type_of(const std::string& descr) {
  static const std::pair<const char*, const char*> kTypes[] = {
      {"b1", "BOOL"}, {"u1", "U8"},  {"i1", "I8"},  {"u2", "U16"}, {"i2", "I16"}, {"u4", "U32"},
      {"i4", "I32"},  {"u8", "U64"}, {"i8", "I64"}, {"f2", "F16"}, {"f4", "F32"}, {"f8", "F64"}};
  const bool has_order = descr.size() == 3 && std::strchr("<>|=", descr[0]) != nullptr;
  for (const auto& [name, dtype] : kTypes) {
    // A byte order is needed where there is more than one byte; "=" names none that is known.
    const bool fits = has_order && descr.compare(1, 2, name) == 0 && descr[0] != '=' &&
                      (descr[0] != '|' || descr[2] == '1');
    if (fits) return {dtype, descr[0] == '>'};
  }
  throw DataError("expected a type like '|u1', '<i8' or '<f4', found '" + descr.substr(0, 40) +
                  "'");
}

uint64_t shape_bytes(const std::vector<int64_t>& shape, uint64_t bytes) {
  for (const int64_t dimension : shape) {
    if (__builtin_mul_overflow(bytes, static_cast<uint64_t>(dimension), &bytes)) {
      throw DataError("the shape overflows");
    }
  }
  return bytes;
}

void read_exactly(std::istream& file, void* bytes, uint64_t count, const char* what) {
  if (!file.read(static_cast<char*>(bytes), static_cast<std::streamsize>(count))) {
    throw DataError(std::string("truncated ") + what);
  }
}

/// The header's text; the file then stands at the numbers.
std::string read_header(std::istream& file, uint64_t file_size) {
  uint8_t start[12];
  read_exactly(file, start, 8, "start of a .npy file");
  if (std::memcmp(start, "\x93NUMPY", 6) != 0) {
    throw DataError("expected a .npy file, found other contents");
  }
  const int version = start[6];
  if (version < 1 || version > 3 || start[7] != 0) {
    throw DataError("expected format version 1.0, 2.0 or 3.0, found " + std::to_string(version) +
                    "." + std::to_string(start[7]));
  }
  const int width = version == 1 ? 2 : 4;
  read_exactly(file, start + 8, static_cast<uint64_t>(width), "start of a .npy file");
  uint64_t length = 0;
  for (int i = width - 1; i >= 0; --i) length = length << 8 | start[8 + i];
  if (length > std::min(file_size, kLargestHeader)) {
    throw DataError("header of " + std::to_string(length) + " bytes is above the limit of " +
                    std::to_string(kLargestHeader) + " or the file's size");
  }
  std::string header(length, '\0');
  read_exactly(file, header.data(), length, "header");
  return header;
}

void reverse_bytes(std::vector<uint8_t>& bytes, size_t width) {
  for (size_t at = 0; at + width <= bytes.size(); at += width) {
    std::reverse(bytes.begin() + static_cast<int64_t>(at),
                 bytes.begin() + static_cast<int64_t>(at + width));
  }
}

RawTensor read_opened(std::istream& file) {
  file.seekg(0, std::ios::end);
  const std::streamoff end = file.tellg();
  if (end < 0) throw DataError("cannot be read as a file");
  file.seekg(0);
  const std::string text = read_header(file, static_cast<uint64_t>(end));
  const Header header = HeaderParser(text).parse();
  const auto [dtype, big_endian] = type_of(*header.descr);
  RawTensor result{dtype, *header.shape, {}};
  if (*header.fortran_order && result.shape.size() > 1) {
    throw DataError(
        "expected an array in C order, found Fortran order; save "
        "numpy.ascontiguousarray(array)");
  }
  const uint64_t size = shape_bytes(result.shape, dtype_size(dtype));
  const auto there = static_cast<uint64_t>(end - file.tellg());
  if (size != there) {
    throw DataError("expected " + std::to_string(size) +
                    " bytes of numbers after the header, found " + std::to_string(there) +
                    (there < size ? " (truncated?)" : ""));
  }
  result.bytes.resize(size);
  read_exactly(file, result.bytes.data(), size, "numbers");
  if (big_endian) reverse_bytes(result.bytes, dtype_size(dtype));
  return result;
}

}  // namespace

RawTensor read_npy(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) throw DataError(path + ": " + std::strerror(errno));
  try {
    return read_opened(file);
  } catch (const Error& error) {
    throw DataError(path + ": " + error.what());
  }
}

}  // namespace nearfar
