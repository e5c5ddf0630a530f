// The pieces of HTML: escaped text, elements, and data inside a page.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "framework/json/json.h"

namespace nearfar {

/// UTF-8 text for the inside of elements and of quoted attributes: & < > " ' are escaped, control
/// characters become blanks, bytes that are not UTF-8 become U+FFFD.
std::string html_text(std::string_view text);

/// ` name="value"`, the value escaped.
std::string attribute(std::string_view name, std::string_view value);

/// <tag attributes>content</tag>. `attributes` is empty or made by attribute(); `content` is HTML.
std::string element(std::string_view tag, std::string_view attributes, std::string_view content);

/// RFC 4648, with padding.
std::string base64(std::span<const uint8_t> bytes);

/// A file inside of a page: "data:TYPE;base64,...".
std::string data_uri(std::string_view type, std::span<const uint8_t> bytes);

/// A <script type="application/json"> block that scripts find by `id`. No string in it can end it.
std::string data_block(std::string_view id, const Json& value);

/// Numbers as pages show them: four significant digits, "60,000" from ten thousand on, "-" for what
/// is not finite.
std::string short_number(double value);

/// A number that reads back to the same bits, for data-value attributes.
std::string exact_number(double value);

}  // namespace nearfar
