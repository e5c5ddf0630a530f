// What an error says, without what follows.
#pragma once

#include <string>

namespace nearfar {

/// The first line of an error's words: LibTorch appends a stack trace.
inline std::string first_line(const std::string& words) {
  return words.substr(0, words.find('\n'));
}

}  // namespace nearfar
