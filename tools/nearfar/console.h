// Where a command writes: results to stdout, messages to stderr.
#pragma once

#include <memory>
#include <string>

#include "distributed/placement.h"
#include "framework/json/json.h"
#include "framework/log/log.h"
#include "framework/log/progress_bar.h"
#include "tools/nearfar/arguments.h"

namespace nearfar {

/// Log, progress bar and result of one command.
class Console {
 public:
  /// Of ranks that are not the first, warnings and errors are shown, with the rank before them.
  Console(const CommonArguments& arguments, Placement placement);
  Log& log() { return log_; }
  ProgressBar& progress() { return progress_; }
  bool json() const { return arguments_.json; }
  /// Of this process among the ranks of the command.
  const Placement& placement() const { return placement_; }
  /// The result: `text` for people, or `document` under --json; that of rank 0 alone.
  void result(const std::string& text, const Json& document);

 private:
  CommonArguments arguments_;
  Placement placement_;
  Log log_;
  ProgressBar progress_;
};

}  // namespace nearfar
