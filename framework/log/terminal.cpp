// Messages for people: prefixes and colours, written to a file descriptor.
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "framework/log/log.h"
#include "framework/log/status_line.h"

namespace nearfar {
namespace {

constexpr const char* kReset = "\x1b[0m";

struct Label {
  const char* text;
  const char* color;  // ECMA-48 colours that read well on dark and on light
};

Label label_of(Level level) {
  switch (level) {
    case Level::debug:
      return {"debug: ", "\x1b[2m"};
    case Level::info:
      return {"", ""};
    case Level::warning:
      return {"warning: ", "\x1b[33m"};
    case Level::error:
      return {"error: ", "\x1b[1;31m"};
  }
  return {"", ""};
}

bool set_and_not_empty(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

bool asks_for_color(const char* variable) {
  return set_and_not_empty(variable) && std::string_view(std::getenv(variable)) != "0";
}

}  // namespace

Log::Sink terminal_sink(int descriptor, TerminalOptions options) {
  const std::string rank =
      options.ranks > 1 ? "[rank " + std::to_string(options.rank) + "] " : std::string();
  return [descriptor, options, rank](Level level, const std::string& message) {
    if (level < options.lowest) return;
    const Label label = label_of(level);
    const bool colored = options.colors && *label.color != '\0';
    std::string text = rank;
    text += colored ? std::string(label.color) + label.text + kReset : label.text;
    for (const char c : message) {
      text += c;
      // Lines of several ranks mix: each one says whose it is.
      if (c == '\n') text += rank;
    }
    write_lines(descriptor, text + "\n");
  };
}

bool colors_wanted(int descriptor, bool no_color_option) {
  if (no_color_option || set_and_not_empty("NO_COLOR")) return false;
  if (asks_for_color("FORCE_COLOR") || asks_for_color("CLICOLOR_FORCE")) return true;
  const char* terminal = std::getenv("TERM");
  if (terminal != nullptr && std::string_view(terminal) == "dumb") return false;
  return isatty(descriptor) == 1;
}

}  // namespace nearfar
