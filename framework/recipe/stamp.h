// The stamp of a recipe library: what it was built with, readable from the file before it is
// opened.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "nearfar/version.h"

namespace nearfar {

/// Raised whenever an interface that recipes compile against changes.
inline constexpr int kRecipeInterface = 4;

#define NEARFAR_TEXT_OF(x) #x
#define NEARFAR_TEXT(x) NEARFAR_TEXT_OF(x)
/// What must be equal in program and plugin, as "key=value" separated by semicolons.
#define NEARFAR_STAMP                                                 \
  "interface=4;torch=" NEARFAR_TORCH_VERSION                          \
  ";compiler=gcc " NEARFAR_TEXT(__GNUC__) ";libstdc++=" NEARFAR_TEXT( \
      _GLIBCXX_RELEASE) ";cxx11_abi=" NEARFAR_TEXT(_GLIBCXX_USE_CXX11_ABI)
static_assert(kRecipeInterface == 4, "NEARFAR_STAMP names the interface number");

/// An ELF note: owner "nearfar", type 1, the stamp as a zero-padded description.
struct StampNote {
  uint32_t name_size = 8;
  uint32_t description_size = 256;
  uint32_t type = 1;
  char name[8] = "nearfar";
  std::array<char, 256> description{};
};

constexpr StampNote stamp_note(std::string_view stamp) {
  StampNote note;
  for (size_t i = 0; i < stamp.size(); ++i) note.description[i] = stamp[i];
  return note;
}

}  // namespace nearfar

#define NEARFAR_STAMP_NOTE                                                             \
  __attribute__((section(".note.nearfar"), used,                                       \
                 aligned(4))) static constexpr nearfar::StampNote nearfar_stamp_note = \
      nearfar::stamp_note(NEARFAR_STAMP);
