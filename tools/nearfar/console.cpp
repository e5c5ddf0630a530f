// The console of a command.
#include "tools/nearfar/console.h"

#include <unistd.h>

#include <iostream>
#include <utility>

#include "framework/log/status_line.h"

namespace nearfar {
namespace {

TerminalOptions terminal_options(const CommonArguments& arguments, const Placement& placement) {
  TerminalOptions options;
  options.lowest = arguments.quiet || placement.rank > 0 ? Level::warning : Level::info;
  options.rank = placement.rank;
  options.ranks = placement.ranks;
  options.colors = colors_wanted(STDERR_FILENO, arguments.no_color);
  return options;
}

ProgressOptions progress_options(const CommonArguments& arguments, const Placement& placement) {
  ProgressOptions options;
  options.quiet = arguments.quiet || placement.rank > 0;
  return options;
}

}  // namespace

Console::Console(const CommonArguments& arguments, Placement placement)
    : arguments_(arguments),
      placement_(std::move(placement)),
      log_(terminal_sink(STDERR_FILENO, terminal_options(arguments, placement_))),
      progress_(STDERR_FILENO, progress_options(arguments, placement_)) {}

void Console::result(const std::string& text, const Json& document) {
  if (placement_.rank > 0) return;
  clear_status_line(STDERR_FILENO);  // an unfinished bar would run into the result
  std::cout << (arguments_.json ? to_text(document) + "\n" : text) << std::flush;
}

}  // namespace nearfar
