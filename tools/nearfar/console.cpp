// The console of a command.
#include "tools/nearfar/console.h"

#include <unistd.h>

#include <iostream>

#include "framework/log/status_line.h"

namespace nearfar {
namespace {

TerminalOptions terminal_options(const CommonArguments& arguments) {
  TerminalOptions options;
  options.lowest = arguments.quiet ? Level::warning : Level::info;
  options.colors = colors_wanted(STDERR_FILENO, arguments.no_color);
  return options;
}

ProgressOptions progress_options(const CommonArguments& arguments) {
  ProgressOptions options;
  options.quiet = arguments.quiet;
  return options;
}

}  // namespace

Console::Console(const CommonArguments& arguments)
    : arguments_(arguments),
      log_(terminal_sink(STDERR_FILENO, terminal_options(arguments))),
      progress_(STDERR_FILENO, progress_options(arguments)) {}

void Console::result(const std::string& text, const Json& document) {
  clear_status_line(STDERR_FILENO);  // an unfinished bar would run into the result
  std::cout << (arguments_.json ? to_text(document) + "\n" : text) << std::flush;
}

}  // namespace nearfar
