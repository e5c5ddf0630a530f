// The parts of `nearfar doctor` that need a run's settings.
#pragma once

#include "tools/nearfar/commands.h"

namespace nearfar {

/// The sources of the settings that the arguments name.
RunSources doctor_sources(const DoctorArguments& arguments);

/// --plan: what a run takes of each rank.
int run_plan(const DoctorArguments& arguments, Console& console);

/// --distributed: whether the ranks that this process is one of can work together.
int run_distributed(const DoctorArguments& arguments, Console& console);

}  // namespace nearfar
