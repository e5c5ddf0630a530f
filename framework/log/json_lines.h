// log.jsonl: one JSON object a line, appended while a run goes on and cut back when it resumes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/json/json.h"
#include "framework/log/appended_file.h"

namespace nearfar {

/// Appends to a file of JSON lines. Each line is in the file when append() returns. Errors of the
/// file system (no permission, a full disk) are EnvironmentErrors that name the path and the
/// reason.
class JsonLines {
 public:
  /// Opens the file for appending, made when there is none. A last line without its end, left by a
  /// crash, is cut off.
  explicit JsonLines(const std::string& path);

  /// Writes one line. Numbers that are not finite, which JSON does not have, are written as null.
  void append(const Json& object);

 private:
  AppendedFile file_;
};

/// Cuts the file at its first line that is beyond `step` (member "step"), that is no JSON object,
/// or that has no end. Lines without "step" stay. Nothing happens when there is no file.
void truncate_after_step(const std::string& path, int64_t step);

/// All lines; a last line without its end is left out. DataError "PATH:LINE: ..." for a line that
/// is no JSON object, EnvironmentError when the file cannot be read.
std::vector<Json> read_json_lines(const std::string& path);

}  // namespace nearfar
