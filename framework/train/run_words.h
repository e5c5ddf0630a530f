// What a run says of itself before its first step.
#pragma once

#include "framework/log/log.h"
#include "framework/train/configure.h"
#include "framework/train/run_folder.h"
#include "framework/train/training.h"

namespace nearfar {

/// Sampler, encoder, initial weights, steps, threads, ranks and learning rate.
void say_plan(const ResolvedRun& run, Training& training, const RunFolder& folder, Log& log);

}  // namespace nearfar
