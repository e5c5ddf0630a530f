// A whole pretraining run: start or continue, train, log, save, and leave the encoder behind.
#pragma once

#include <string>

#include "distributed/placement.h"
#include "framework/log/progress_bar.h"
#include "framework/train/configure.h"
#include "framework/train/run_folder.h"

namespace nearfar {

struct PretrainOptions {
  std::string out;           // run folder; empty: the next free one under runs/
  bool fresh = false;        // never continue: a new folder even when `out` holds a run
  std::string command_line;  // for environment.json
  Placement placement;       // of this process among the ranks of the run
};

struct PretrainResult {
  RunFolder folder;
  int64_t step = 0;
  int64_t total_steps = 0;
  bool already_finished = false;
  bool stopped = false;  // by a signal to some rank, after saving
  double loss = 0.0;     // of rank 0, as is the rate
  double images_per_second = 0.0;
};

/// Trains until the end or a signal; continues a run that the folder holds (its config, plus
/// `sources`, which may change only what changes no result). With several ranks, every one of them
/// calls this; the run's folder lies where all of them see it. Throws the errors of
/// framework/error.h; DivergedError leaves the last good checkpoint. Throws PeerError where another
/// rank is missing or has failed; the others are told why this one ends.
PretrainResult pretrain(const RunSources& sources, const PretrainOptions& options,
                        ProgressBar& progress, Log& log);

}  // namespace nearfar
