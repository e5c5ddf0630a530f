// Listings of keys in two layouts.
#include "framework/config/listing.h"

#include "framework/log/table.h"

namespace nearfar {
namespace {

/// A bar would end the cell, also inside of code.
std::string cell(const std::string& text) {
  std::string escaped;
  for (const char c : text) escaped += c == '|' ? std::string("\\|") : std::string(1, c);
  return escaped;
}

const std::string& range_or_type(const KeyInfo& key) {
  return key.range.empty() ? key.type : key.range;
}

}  // namespace

std::string to_markdown(const Describe& describe, std::string_view prefix) {
  std::string text = "| key | default | range | meaning |\n|---|---|---|---|\n";
  for (const KeyInfo& key : list_keys(describe, prefix)) {
    text += "| `" + key.key + "` | `" + cell(key.value) + "` | " + cell(range_or_type(key)) +
            " | " + cell(key.help) + " |\n";
  }
  return text;
}

std::string to_listing(const Describe& describe, std::string_view prefix) {
  const std::vector<KeyInfo> keys = list_keys(describe, prefix);
  if (keys.empty()) return "";
  Table table({"KEY", "VALUE", "RANGE", "MEANING"});
  for (const KeyInfo& key : keys) {
    table.add_row({key.key, key.value, range_or_type(key), key.help});
  }
  return table.to_text(TableStyle::plain);
}

}  // namespace nearfar
