// The keys of a config for readers: a Markdown table and the plain text of --help.
#pragma once

#include <string>
#include <string_view>

#include "framework/config/settings.h"

namespace nearfar {

/// A Markdown table "key | default | range | meaning" of the keys under `prefix` ("" for all), in
/// declaration order; for documentation.
std::string to_markdown(const Describe& describe, std::string_view prefix = "");

/// The same keys in aligned columns under the heads KEY, VALUE, RANGE and MEANING; for --help. A
/// key without range shows its type. Empty when no key matches.
std::string to_listing(const Describe& describe, std::string_view prefix = "");

}  // namespace nearfar
