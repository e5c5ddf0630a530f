// Lines are whole or absent: a torn one is never followed by another.
#include "framework/log/json_lines.h"

#include <sys/stat.h>

#include <cmath>
#include <optional>

#include "framework/error.h"
#include "framework/files/file_system.h"

namespace nearfar {
namespace {

constexpr uint64_t kLargestLog = uint64_t{1} << 36;

bool exists(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0;
}

/// The object of a line, or nothing when it is none.
std::optional<Json> object_of(std::string_view line, const std::string& path) {
  try {
    Json value = parse_json(line, path);
    if (value.is_object()) return value;
  } catch (const ConfigError&) {
    // The caller knows the line's number, the parser does not.
  }
  return std::nullopt;
}

/// Calls visit(line, offset) for each whole line until it returns false; gives the offset behind
/// the last line that was accepted.
template <typename Visit>
size_t for_each_line(std::string_view text, Visit visit) {
  size_t begin = 0;
  for (size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n', begin)) {
    if (!visit(text.substr(begin, end - begin))) return begin;
    begin = end + 1;
  }
  return begin;
}

Json with_null_for_non_finite(const Json& value) {
  if (value.kind() == Json::Kind::real && !std::isfinite(value.as_double())) return Json();
  if (value.is_array()) {
    std::vector<Json> items;
    for (const Json& item : value.items()) items.push_back(with_null_for_non_finite(item));
    return Json::array(std::move(items));
  }
  if (!value.is_object()) return value;
  std::vector<Json::Member> members;
  for (const auto& [key, member] : value.members()) {
    members.emplace_back(key, with_null_for_non_finite(member));
  }
  return Json::object(std::move(members));
}

/// The path, after a last line without its end was cut off the file.
const std::string& without_torn_line(const std::string& path) {
  if (exists(path)) {
    const std::string text = read_text(path, kLargestLog);
    const size_t whole = for_each_line(text, [](std::string_view) { return true; });
    if (whole < text.size()) cut_file(path, whole);
  }
  return path;
}

}  // namespace

JsonLines::JsonLines(const std::string& path) : file_(without_torn_line(path)) {}

void JsonLines::append(const Json& object) {
  file_.append(to_text(with_null_for_non_finite(object), -1) + "\n");
}

void truncate_after_step(const std::string& path, int64_t step) {
  if (!exists(path)) return;
  const std::string text = read_text(path, kLargestLog);
  const size_t kept = for_each_line(text, [&](std::string_view line) {
    const std::optional<Json> object = object_of(line, path);
    if (!object) return false;
    const Json* at = object->find("step");
    return at == nullptr || !at->is_number() || at->as_double() <= static_cast<double>(step);
  });
  if (kept < text.size()) cut_file(path, kept);
}

std::vector<Json> read_json_lines(const std::string& path) {
  std::vector<Json> lines;
  for_each_line(read_text(path, kLargestLog), [&](std::string_view line) {
    std::optional<Json> object = object_of(line, path);
    if (!object) {
      throw DataError(path + ":" + std::to_string(lines.size() + 1) +
                      ": expected a JSON object on the line");
    }
    lines.push_back(std::move(*object));
    return true;
  });
  return lines;
}

}  // namespace nearfar
