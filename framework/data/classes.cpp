// Choosing classes by name or number.
#include "framework/data/classes.h"

#include <algorithm>
#include <charconv>

#include "framework/config/settings.h"
#include "framework/config/spelling.h"
#include "framework/data/map.h"
#include "framework/data/subset.h"
#include "framework/log/quantities.h"

namespace nearfar {
namespace {

constexpr const char* kKey = "data.classes: ";
constexpr int64_t kNone = -1;

/// Of a class by its name, else by its number; kNone for neither.
int64_t number_of(const std::string& wanted, const std::vector<std::string>& names) {
  const auto named = std::find(names.begin(), names.end(), wanted);
  if (named != names.end()) return named - names.begin();
  int64_t number = kNone;
  const char* end = wanted.data() + wanted.size();
  const auto read = std::from_chars(wanted.data(), end, number);
  const bool is_number = read.ec == std::errc() && read.ptr == end;
  const bool is_class = number >= 0 && number < static_cast<int64_t>(names.size());
  return is_number && is_class ? number : kNone;
}

/// All names, or the first of very many.
std::string known_names(const std::vector<std::string>& names) {
  constexpr size_t kShown = 20;
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kShown); ++i) {
    text += (i == 0 ? "" : ", ") + names[i];
  }
  return names.size() > kShown ? text + ", ... (" + std::to_string(names.size()) + " in all)"
                               : text;
}

/// The new number of each class, kNone for those that are left out.
std::vector<int64_t> new_numbers(const DatasetInfo& info, const std::vector<std::string>& wanted) {
  const std::vector<std::string>& names = info.class_names;
  if (names.empty()) {
    throw ConfigError(kKey + ("expected a set with labels, found none in " + info.path));
  }
  std::vector<bool> chosen(names.size(), false);
  for (const std::string& name : wanted) {
    const int64_t number = number_of(name, names);
    if (number == kNone) {
      throw ConfigError(kKey + ("\"" + name + "\" is no class of ") + info.path +
                        "; expected some of " + known_names(names) +
                        did_you_mean(nearest_name(name, names)));
    }
    if (chosen[static_cast<size_t>(number)]) {
      throw ConfigError(kKey + ("\"" + name + "\" is there twice; expected each class once"));
    }
    chosen[static_cast<size_t>(number)] = true;
  }
  std::vector<int64_t> fresh(names.size(), kNone);
  int64_t next = 0;
  for (size_t c = 0; c < names.size(); ++c) {
    if (chosen[c]) fresh[c] = next++;
  }
  return fresh;
}

std::shared_ptr<const Dataset> chosen_images(const std::shared_ptr<const Dataset>& part,
                                             const std::vector<int64_t>& fresh) {
  if (part == nullptr) return nullptr;
  std::vector<int64_t> positions;
  for (int64_t i = 0; i < part->info().size; ++i) {
    const int64_t label = part->label(i);
    if (label >= 0 && fresh[static_cast<size_t>(label)] != kNone) positions.push_back(i);
  }
  if (positions.empty()) return nullptr;
  std::vector<std::string> names;
  for (size_t c = 0; c < fresh.size(); ++c) {
    if (fresh[c] != kNone) names.push_back(part->info().class_names[c]);
  }
  const auto renumber = [fresh](int64_t label) { return fresh[static_cast<size_t>(label)]; };
  return map_labels(subset(part, std::move(positions)), renumber, std::move(names));
}

std::string share_text(const std::shared_ptr<const Dataset>& chosen,
                       const std::shared_ptr<const Dataset>& all) {
  return format_count(chosen == nullptr ? 0 : chosen->info().size) + " of " +
         format_count(all->info().size);
}

}  // namespace

DataParts choose_classes(const DataParts& parts, const std::vector<std::string>& wanted, Log& log) {
  if (wanted.empty()) return parts;
  const DatasetInfo& info = parts.train->info();
  const std::vector<int64_t> fresh = new_numbers(info, wanted);
  const DataParts chosen{chosen_images(parts.train, fresh), chosen_images(parts.test, fresh),
                         chosen_images(parts.val, fresh)};
  if (chosen.train == nullptr) {
    throw DataError(info.path + ": holds no training image of the classes of data.classes");
  }
  std::string words = share_text(chosen.train, parts.train) + " training";
  if (parts.val) words += ", " + share_text(chosen.val, parts.val) + " val";
  if (parts.test) words += ", " + share_text(chosen.test, parts.test) + " test";
  log.info("data: " + words + " images are of " +
           format_count(static_cast<int64_t>(wanted.size())) + " of " +
           format_count(static_cast<int64_t>(info.class_names.size())) +
           " classes (data.classes): " + known_names(chosen.train->info().class_names));
  return chosen;
}

}  // namespace nearfar
