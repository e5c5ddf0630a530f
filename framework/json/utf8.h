// UTF-8 text one code point at a time, for writers that must never emit ill-formed text.
#pragma once

#include <string_view>

namespace nearfar {

inline constexpr char32_t kReplacementCharacter = U'\uFFFD';

struct CodePoint {
  char32_t value = 0;  // kReplacementCharacter when the bytes are ill-formed
  int bytes = 0;       // how many bytes it took: 1 to 4, 1 when ill-formed
  bool valid = true;
};

/// Decodes the code point that begins at `offset` < text.size(). Overlong forms, surrogates, values
/// above U+10FFFF and truncated sequences are ill-formed (RFC 3629).
CodePoint decode_utf8(std::string_view text, size_t offset);

}  // namespace nearfar
