// What a run leaves behind when a step is not finite: enough to do that step again.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/train/configure.h"
#include "framework/train/run_folder.h"
#include "framework/train/training.h"

namespace nearfar {

/// Which images a step was given.
struct StepImages {
  int64_t step = 0;            // finished before it
  int64_t epoch = 0;           // from 0
  std::vector<int64_t> asked;  // rows of the epoch's order
  std::vector<int64_t> seen;   // the same, with replacements of unreadable images
};

/// Writes RUN/diverged/step-N: the state before the step (`whole_state` is the training's), also
/// where that is not finite itself, the resolved config, and replay.json with images, epoch, seed
/// and numbers. Returns replay.json's path. `what` is the error's sentence. Throws
/// EnvironmentError.
std::string write_divergence(const ResolvedRun& run, const RunFolder& folder,
                             const Training& training, const NamedTensors& whole_state,
                             const StepImages& images, const std::string& what);

/// replay.json, read. Throws ConfigError for a file of another form.
struct Divergence {
  std::string folder;       // of replay.json
  std::string recipe_path;  // the library that trained
  std::string what;
  int64_t dataset_size = 0;
  StepImages images;
  std::vector<std::string> places;  // of the images seen
};
Divergence read_divergence(const std::string& path);

}  // namespace nearfar
