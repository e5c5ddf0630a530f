// How many terminal columns a UTF-8 text takes.
#pragma once

#include <string>
#include <string_view>

namespace nearfar {

/// Columns of `text`: two for East Asian wide characters and emoji, none for combining marks, one
/// for each ill-formed byte. Control characters are not expected.
int display_width(std::string_view text);

/// `text` with blanks added (before it when `right`) until it is `width` columns wide.
std::string pad(std::string_view text, int width, bool right = false);

}  // namespace nearfar
