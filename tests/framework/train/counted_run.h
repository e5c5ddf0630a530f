// A small run, and what one of its ranks exchanges.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "distributed/counting_group.h"
#include "framework/train/made_up_views.h"
#include "framework/train/plan.h"
#include "framework/train/training.h"
#include "tests/framework/data/made_dataset.h"

namespace nearfar {

/// SimCLR with a small encoder on `images` made-up images.
inline ResolvedRun small_run(int64_t batch, const std::vector<std::string>& settings = {},
                             int64_t images = 100000) {
  ResolvedRun run;
  run.library = open_recipe("simclr");
  run.config = make_run_config(*run.library.plugin);
  Settings chosen;
  for (const char* setting :
       {"encoder.name=tiny", "encoder.width=4", "recipe.view.size=16", "recipe.projection.width=8",
        "threads=1", "data.workers=1", "device=cpu"}) {
    chosen.add_assignment(setting, "test");
  }
  chosen.add_assignment("train.batch=" + std::to_string(batch), "test");
  for (const std::string& setting : settings) chosen.add_assignment(setting, "test");
  chosen.apply([&](Fields& field) { run.config.describe(field); });
  if (run.config.encoder.norm_batch == 0) run.config.encoder.norm_batch = batch;
  run.data.train = std::make_shared<MadeDataset>(images, 3, 16, 16, 4);
  return run;
}

/// What a rank exchanges: before the first step, in one, and in a check of the replicas.
struct Counted {
  CollectiveCounts start, step, check;
};

/// A rank's training of two steps. A collective.
inline Counted count_exchange(const ResolvedRun& run, Group& ranks) {
  const auto counter = std::make_shared<CollectiveCounter>();
  CountingForward group(ranks, counter);
  RunConfig config = run.config;
  config.train.check_ranks = 2;
  Training training(config, run.data.train->info(), plan_of(run, group), group, at::kCPU);
  Counted counted;
  counted.start = counter->counts();
  const ViewBatch views = make_up_views(training.recipe().views(), training.data(),
                                        shard(config.train.batch, group.size(), group.rank()), 8);
  training.train_step(views);
  counted.step = counter->counts() - counted.start;
  const CollectiveCounts before = counter->counts();
  training.train_step(views);
  counted.check = counter->counts() - before - counted.step;
  return counted;
}

}  // namespace nearfar
