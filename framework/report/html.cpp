// Escaping after the HTML standard, section 13.3, and numbers for people.
#include "framework/report/html.h"

#include <cmath>
#include <cstdio>

#include "framework/json/utf8.h"
#include "framework/log/quantities.h"

namespace nearfar {
namespace {

const char* escape_of(char32_t character) {
  switch (character) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return nullptr;
  }
}

bool is_control(char32_t character) {
  const bool is_c1 = character >= 0x7F && character <= 0x9F;
  return (character < 0x20 && character != '\n') || is_c1;
}

}  // namespace

std::string html_text(std::string_view text) {
  std::string result;
  for (size_t offset = 0; offset < text.size();) {
    const CodePoint point = decode_utf8(text, offset);
    if (const char* escape = escape_of(point.value)) {
      result += escape;
    } else if (is_control(point.value)) {
      result += ' ';
    } else if (point.valid) {
      result.append(text.substr(offset, static_cast<size_t>(point.bytes)));
    } else {
      result += "\xEF\xBF\xBD";
    }
    offset += static_cast<size_t>(point.bytes);
  }
  return result;
}

std::string attribute(std::string_view name, std::string_view value) {
  return " " + std::string(name) + "=\"" + html_text(value) + "\"";
}

std::string element(std::string_view tag, std::string_view attributes, std::string_view content) {
  std::string result = "<";
  result.append(tag).append(attributes).append(">").append(content);
  return result.append("</").append(tag).append(">");
}

std::string base64(std::span<const uint8_t> bytes) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k) group = group << 8 | (k < count ? bytes[i + k] : 0u);
    for (size_t k = 0; k < 4; ++k) {
      text += k <= count ? kLetters[group >> (18 - 6 * k) & 63] : '=';
    }
  }
  return text;
}

std::string data_uri(std::string_view type, std::span<const uint8_t> bytes) {
  return "data:" + std::string(type) + ";base64," + base64(bytes);
}

std::string data_block(std::string_view id, const Json& value) {
  std::string text;
  // "<" is all that could begin </script> or <!--; inside JSON it stands in strings alone.
  for (const char character : to_text(value, -1)) {
    if (character == '<') {
      text += "\\u003c";
    } else {
      text += character;
    }
  }
  return element("script", attribute("type", "application/json") + attribute("id", id), text);
}

std::string short_number(double value) {
  if (!std::isfinite(value)) return "-";
  if (std::abs(value) >= 1e4 && std::abs(value) < 1e15) return format_count(std::llround(value));
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

std::string exact_number(double value) {
  return std::isfinite(value) ? to_text(Json(value), -1) : "";
}

}  // namespace nearfar
