// Lines are whole or absent: a torn one is never followed by another.
#include "framework/log/json_lines.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <optional>

#include "framework/error.h"
#include "framework/files/file_system.h"

namespace nearfar {
namespace {

constexpr uint64_t kLargestLog = uint64_t{1} << 36;

[[noreturn]] void fail(const std::string& path, const char* what) {
  throw EnvironmentError(path + ": " + what + ": " + std::strerror(errno));
}

bool exists(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0;
}

void cut(const std::string& path, size_t bytes) {
  if (truncate(path.c_str(), static_cast<off_t>(bytes)) != 0) fail(path, "cannot cut back");
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

}  // namespace

JsonLines::JsonLines(const std::string& path) : path_(path) {
  if (exists(path)) {
    const std::string text = read_text(path, kLargestLog);
    const size_t whole = for_each_line(text, [](std::string_view) { return true; });
    if (whole < text.size()) cut(path, whole);
  }
  descriptor_ = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor_ < 0) fail(path, "cannot open");
}

JsonLines::~JsonLines() { close(descriptor_); }

void JsonLines::append(const Json& object) {
  const std::string line = to_text(with_null_for_non_finite(object), -1) + "\n";
  const off_t before = lseek(descriptor_, 0, SEEK_END);
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t written = write(descriptor_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int reason = errno;
      // A full disk may have taken a part of the line; should this fail too, the next run cuts it.
      if (ftruncate(descriptor_, before) == 0) errno = reason;
      fail(path_, "cannot write");
    }
    rest.remove_prefix(static_cast<size_t>(written));
  }
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
  if (kept < text.size()) cut(path, kept);
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
