// A whole pretraining run: start or continue, train, log, save, and leave the encoder behind.
#pragma once

#include <functional>
#include <string>

#include "framework/log/progress_bar.h"
#include "framework/train/configure.h"
#include "framework/train/run_folder.h"

namespace nearfar {

struct PretrainOptions {
  std::string out;           // run folder; empty: the next free one under runs/
  bool fresh = false;        // never continue: a new folder even when `out` holds a run
  std::string command_line;  // for environment.json
};

struct PretrainResult {
  RunFolder folder;
  int64_t step = 0;
  int64_t total_steps = 0;
  bool already_finished = false;
  int stopped_by_signal = 0;  // saved and stopped early
  double loss = 0.0;
  double images_per_second = 0.0;
};

/// Trains until the end or a signal; continues a run that the folder holds (its config, plus
/// `sources`, which may change only what changes no result). Throws the errors of
/// framework/error.h; DivergedError leaves the last good checkpoint.
PretrainResult pretrain(const RunSources& sources, const PretrainOptions& options,
                        ProgressBar& progress, Log& log);

}  // namespace nearfar
