// What follows from a resolved run before any network exists: its plan and its views.
#pragma once

#include <chrono>
#include <vector>

#include "framework/data/contact_sheet.h"
#include "framework/data/loader.h"
#include "framework/data/sampler.h"
#include "framework/train/configure.h"

namespace nearfar {

/// How long a rank waits for the others: train.deadline.
std::chrono::milliseconds deadline_of(const RunConfig& config);

/// Steps and epochs of a run. Throws DataError when an epoch has no step.
TrainPlan plan_of(const ResolvedRun& run, Group& group);

/// Which images the batches of an epoch hold.
SamplerPlan sampler_plan(const RunConfig& config);

/// How this rank's data is loaded, all views in order.
LoaderPlan loader_plan(const ResolvedRun& run, const Group& group);
/// The same for the recipe's views, shuffled where it says so.
LoaderPlan loader_plan(const ResolvedRun& run, const Group& group, const Recipe& recipe);

/// The recipe of a run, with fresh weights from plan.seed; its encoders have those of config.start,
/// where there are any.
std::shared_ptr<Recipe> build_recipe(const RunConfig& config, const DatasetInfo& data,
                                     const TrainPlan& plan, Group& group);

/// The views of the run's recipe.
std::vector<ViewPolicy> views_of(const ResolvedRun& run);

/// What a contact sheet of the run's views says of them, with the run's seed.
SheetOptions sheet_options(const ResolvedRun& run);

}  // namespace nearfar
