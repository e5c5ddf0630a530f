// RFC 3629: which byte sequences are code points.
#include "framework/json/utf8.h"

namespace nearfar {
namespace {

constexpr CodePoint kIllFormed{kReplacementCharacter, 1, false};

}  // namespace

CodePoint decode_utf8(std::string_view text, size_t offset) {
  const auto lead = static_cast<unsigned char>(text[offset]);
  if (lead < 0x80) return {lead, 1, true};
  const int bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() - offset < static_cast<size_t>(bytes)) {
    return kIllFormed;
  }
  char32_t value = lead & (0x7F >> bytes);
  for (int i = 1; i < bytes; ++i) {
    const auto next = static_cast<unsigned char>(text[offset + i]);
    if ((next & 0xC0) != 0x80) return kIllFormed;
    value = value << 6 | (next & 0x3F);
  }
  const char32_t smallest = bytes == 4 ? 0x10000 : bytes == 3 ? 0x800 : 0x80;
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (value < smallest || value > 0x10FFFF || surrogate) return kIllFormed;
  return {value, bytes, true};
}

}  // namespace nearfar
