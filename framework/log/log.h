// What the program tells its user: levelled messages, with a rank prefix and colours on a terminal.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

namespace nearfar {

enum class Level { debug, info, warning, error };

/// A message sink handed to whoever has something to say; libraries never print by themselves.
/// Thread-safe.
class Log {
 public:
  using Sink = std::function<void(Level, const std::string&)>;

  /// Drops everything.
  Log() = default;
  explicit Log(Sink sink) : sink_(std::move(sink)) {}

  void debug(const std::string& message) { write(Level::debug, message); }
  void info(const std::string& message) { write(Level::info, message); }
  void warning(const std::string& message) { write(Level::warning, message); }
  void error(const std::string& message) { write(Level::error, message); }
  void write(Level level, const std::string& message);

 private:
  std::mutex mutex_;
  Sink sink_;
};

struct TerminalOptions {
  Level lowest = Level::info;
  bool colors = false;  // see colors_wanted()
  int rank = 0;
  int ranks = 1;  // a "[rank R] " prefix where ranks > 1
};

/// A sink that writes to a file descriptor: plain text for info, "warning: " and "error: " before
/// the others, coloured when asked for. A progress bar on the same descriptor is moved out of the
/// way.
Log::Sink terminal_sink(int descriptor, TerminalOptions options);

/// Whether colours fit: a terminal, TERM not "dumb", NO_COLOR unset or empty, no --no-color;
/// FORCE_COLOR or CLICOLOR_FORCE set wins over the terminal check.
bool colors_wanted(int descriptor, bool no_color_option);

}  // namespace nearfar
