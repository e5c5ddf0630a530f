// The errors a user can cause or must know of; each kind has the exit code that scripts rely on.
#pragma once

#include <stdexcept>
#include <string>

namespace nearfar {

enum class ExitCode : int {
  done = 0,
  unexpected = 1,
  config = 2,
  data = 3,
  environment = 4,
  diverged = 5,
  checkpoint = 6,
  plugin = 7,
  stopped = 75,  // stopped by a signal after saving: start again to continue
};

/// One line "WHAT" with its place, what was expected and found, and a hint; no "error:" prefix.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& what) : std::runtime_error(what), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

/// What the user wrote: arguments, config files, keys, values.
struct ConfigError : Error {
  explicit ConfigError(const std::string& what) : Error(ExitCode::config, what) {}
};

/// Data sets and other input files.
struct DataError : Error {
  explicit DataError(const std::string& what) : Error(ExitCode::data, what) {}
};

/// The machine: no GPU, a missing library, no permission, a full disk.
struct EnvironmentError : Error {
  explicit EnvironmentError(const std::string& what) : Error(ExitCode::environment, what) {}
};

/// Training produced a value that is not finite.
struct DivergedError : Error {
  explicit DivergedError(const std::string& what) : Error(ExitCode::diverged, what) {}
};

/// A checkpoint that is damaged, missing or does not fit the run.
struct CheckpointError : Error {
  explicit CheckpointError(const std::string& what) : Error(ExitCode::checkpoint, what) {}
};

/// A recipe library that does not fit this program.
struct PluginError : Error {
  explicit PluginError(const std::string& what) : Error(ExitCode::plugin, what) {}
};

}  // namespace nearfar
