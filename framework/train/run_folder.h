// A run's folder: its files by name, its lock, and a new one's number.
#pragma once

#include <string>

#include "framework/json/json.h"

namespace nearfar {

/// The files of a run, by the names that the README lists.
struct RunFolder {
  std::string path;

  std::string config() const { return path + "/config.json"; }
  std::string environment() const { return path + "/environment.json"; }
  std::string log() const { return path + "/log.jsonl"; }
  std::string diverged() const { return path + "/diverged"; }
  std::string events() const { return path + "/tensorboard"; }
  std::string checkpoints() const { return path + "/checkpoints"; }
  std::string encoder() const { return path + "/encoder.safetensors"; }
  std::string evaluation() const { return path + "/evaluation.json"; }
  std::string curves() const { return path + "/curves.svg"; }
  std::string report() const { return path + "/report.html"; }
  std::string views() const { return path + "/views.png"; }
  /// Whether a run was started here.
  bool holds_run() const;
};

/// runs/<recipe>-<data>-<number>: the first number that is free.
RunFolder next_run_folder(const std::string& recipe, const std::string& data);

/// Keeps other processes off a run while it lives. Throws EnvironmentError when another one has it.
class RunLock {
 public:
  explicit RunLock(const RunFolder& folder);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  int descriptor_ = -1;
};

/// Versions, machine and command line, for environment.json (which adds ranks) and `nearfar
/// doctor`.
Json describe_environment(const std::string& command_line);

}  // namespace nearfar
