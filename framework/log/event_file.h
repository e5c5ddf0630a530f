// TensorBoard's event files of a run: one for each start, cut back where a run resumes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "framework/log/appended_file.h"

namespace nearfar {

/// A record of an event file: length, masked CRC-32C of the length, data, masked CRC-32C of the
/// data (tensorflow/core/lib/io/record_writer.h).
std::string framed(std::string_view data);

/// Length of the records in front that are whole, undamaged, and of a step up to `step`.
size_t valid_prefix(std::string_view file, int64_t step);

/// The newest event file of a folder, written event by event: a kill leaves whole records and at
/// most a torn last one.
class EventFile {
 public:
  /// Cuts earlier files back to `step`, together with a torn end, and starts a new file that sorts
  /// behind them and tells readers to forget later steps; for step 0 earlier files are removed.
  /// Throws EnvironmentError.
  EventFile(const std::string& folder, int64_t step);

  /// Appends one serialised event (framework/log/events.h).
  void write(std::string_view event) { file_.append(framed(event)); }

 private:
  AppendedFile file_;
};

}  // namespace nearfar
