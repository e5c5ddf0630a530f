// Widths from ranges of Unicode blocks, so that no locale is needed.
#include "framework/log/display_width.h"

#include <algorithm>

#include "framework/json/utf8.h"

namespace nearfar {
namespace {

struct Range {
  char32_t first, last;
};

// Unicode 15: blocks of combining marks, joiners and variation selectors.
constexpr Range kZeroWide[] = {{0x300, 0x36F},   {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF},
                               {0x200B, 0x200F}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F},
                               {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}};
// Unicode 15, EastAsianWidth.txt: blocks that are W or F throughout.
constexpr Range kTwoWide[] = {
    {0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0xA4CF},  {0xA960, 0xA97F}, {0xAC00, 0xD7A3},
    {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF01, 0xFF60},  {0xFFE0, 0xFFE6}, {0x1F300, 0x1F64F},
    {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};

template <size_t count>
bool in_any(const Range (&ranges)[count], char32_t value) {
  return std::any_of(std::begin(ranges), std::end(ranges), [value](const Range& range) {
    return value >= range.first && value <= range.last;
  });
}

}  // namespace

int display_width(std::string_view text) {
  int width = 0;
  for (size_t offset = 0; offset < text.size();) {
    const CodePoint point = decode_utf8(text, offset);
    offset += point.bytes;
    width += in_any(kZeroWide, point.value) ? 0 : in_any(kTwoWide, point.value) ? 2 : 1;
  }
  return width;
}

std::string pad(std::string_view text, int width, bool right) {
  const std::string blanks(std::max(0, width - display_width(text)), ' ');
  return right ? blanks + std::string(text) : std::string(text) + blanks;
}

}  // namespace nearfar
