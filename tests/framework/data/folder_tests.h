// What the data tests share: folders of made-up files, and the messages of what is thrown.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/framework/files/temporary_folder.h"

namespace nearfar {

using Bytes = std::vector<uint8_t>;

/// Runs `action` and returns the message of the Kind that it throws, "" when it throws none.
template <typename Kind, typename Action>
std::string message_of(Action&& action) {
  try {
    action();
  } catch (const Kind& error) {
    return error.what();
  }
  return "";
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace nearfar
