// Bounds-checked reading of numbers from a file's bytes: parsers of untrusted headers use nothing
// else.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>

#include "framework/data/dataset.h"

namespace nearfar {

/// Borrowed bytes. Reading past the end throws BadImage "truncated header".
class ByteView {
 public:
  explicit ByteView(std::span<const uint8_t> bytes, bool big_endian = true)
      : bytes_(bytes), big_endian_(big_endian) {}

  size_t size() const { return bytes_.size(); }
  uint8_t u8(size_t at) const { return part(at, 1)[0]; }
  uint32_t u16(size_t at) const { return number(at, 2); }
  uint32_t u24(size_t at) const { return number(at, 3); }
  uint32_t u32(size_t at) const { return number(at, 4); }

  /// Whether `text` stands at that place; false past the end.
  bool holds(size_t at, std::string_view text) const {
    return at <= size() && size() - at >= text.size() &&
           std::equal(text.begin(), text.end(), bytes_.begin() + static_cast<int64_t>(at),
                      [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; });
  }

  std::span<const uint8_t> part(size_t at, size_t count) const {
    if (at > size() || size() - at < count) throw BadImage("truncated header");
    return bytes_.subspan(at, count);
  }

 private:
  uint32_t number(size_t at, size_t count) const {
    const auto bytes = part(at, count);
    uint32_t value = 0;
    for (size_t i = 0; i < count; ++i) {
      value = value << 8 | bytes[big_endian_ ? i : count - 1 - i];
    }
    return value;
  }

  std::span<const uint8_t> bytes_;
  bool big_endian_;
};

}  // namespace nearfar
