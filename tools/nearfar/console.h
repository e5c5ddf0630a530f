// Where a command writes: results to stdout, messages to stderr.
#pragma once

#include <memory>
#include <string>

#include "framework/json/json.h"
#include "framework/log/log.h"
#include "framework/log/progress_bar.h"
#include "tools/nearfar/arguments.h"

namespace nearfar {

/// Log, progress bar and result of one command.
class Console {
 public:
  explicit Console(const CommonArguments& arguments);
  Log& log() { return log_; }
  ProgressBar& progress() { return progress_; }
  bool json() const { return arguments_.json; }
  /// The result: `text` for people, or `document` under --json.
  void result(const std::string& text, const Json& document);

 private:
  CommonArguments arguments_;
  Log log_;
  ProgressBar progress_;
};

}  // namespace nearfar
