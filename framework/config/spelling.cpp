// Edit distance, and how near is near enough to suggest.
#include "framework/config/spelling.h"

#include <algorithm>
#include <cctype>

#include "framework/config/settings.h"

namespace nearfar {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

std::string_view group_of(std::string_view key) {
  const size_t dot = key.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : key.substr(0, dot + 1);
}

std::string_view name_of(std::string_view key) { return key.substr(group_of(key).size()); }

/// The first key that `fits` whose last part is nearest to that of `key`.
template <typename Fits>
std::string nearest_by_name(std::string_view key, const std::vector<std::string>& known,
                            Fits fits) {
  std::vector<std::string> keys, names;
  for (const std::string& candidate : known) {
    if (!fits(candidate)) continue;
    keys.push_back(candidate);
    names.emplace_back(name_of(candidate));
  }
  const std::string name = nearest_name(name_of(key), names);
  if (name.empty()) return "";
  return keys[std::find(names.begin(), names.end(), name) - names.begin()];
}

}  // namespace

int edit_distance(std::string_view a, std::string_view b) {
  const int width = static_cast<int>(b.size()) + 1;
  std::vector<int> two_up(width), up(width), row(width);
  for (int j = 0; j < width; ++j) row[j] = j;
  for (int i = 1; i <= static_cast<int>(a.size()); ++i) {
    std::swap(two_up, up);
    std::swap(up, row);
    row[0] = i;
    for (int j = 1; j < width; ++j) {
      const int substitution = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({up[j] + 1, row[j - 1] + 1, up[j - 1] + substitution});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], two_up[j - 2] + 1);
    }
  }
  return row[width - 1];
}

std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates) {
  const std::string wanted = lower(name);
  std::string nearest;
  int least = 0;
  for (const std::string& candidate : candidates) {
    const int distance = edit_distance(wanted, lower(candidate));
    // A third of the letters may differ, never all of them: farther names only confuse.
    const int longest = static_cast<int>(std::max(name.size(), candidate.size()));
    if (distance > std::max(1, longest / 3) || distance >= longest) continue;
    if (nearest.empty() || distance < least) {
      nearest = candidate;
      least = distance;
    }
  }
  return nearest;
}

std::string nearest_key(std::string_view key, const std::vector<std::string>& known) {
  std::string nearest = nearest_by_name(
      key, known, [&](const std::string& other) { return group_of(other) == group_of(key); });
  // A long shared group makes any two whole keys near, so they are compared only across groups.
  if (nearest.empty()) {
    std::vector<std::string> elsewhere;
    for (const std::string& other : known) {
      if (group_of(other) != group_of(key)) elsewhere.push_back(other);
    }
    nearest = nearest_name(key, elsewhere);
  }
  if (nearest.empty()) {
    nearest = nearest_by_name(key, known, [](const std::string&) { return true; });
  }
  return nearest;
}

std::string did_you_mean(const std::string& name) {
  return name.empty() ? "" : "; did you mean \"" + name + "\"?";
}

}  // namespace nearfar
