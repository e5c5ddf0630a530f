// What the ranks of a run settle before the first step, so that they do the same work.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "distributed/group.h"
#include "framework/checkpoint/generations.h"
#include "framework/train/configure.h"
#include "framework/train/run_folder.h"

namespace nearfar {

/// Cores for one rank's numerics: those that this process may use, divided among the ranks of this
/// host that may use the same ones, each process hosting `hosted` of them; the smallest share of
/// all ranks, at least 1. A collective.
int cores_of_a_rank(Group& processes, int hosted);

/// The largest of the ranks' numbers, for decisions that all must take alike. A collective.
double largest_of_ranks(Group& group, double mine);

/// Throws ConfigError when a batch, the last one of an epoch included, does not give every rank an
/// image.
void check_every_rank_has_images(const ResolvedRun& run, int ranks);

/// Throws ConfigError on every rank when one has another setting, data set or number of steps than
/// rank 0, naming rank, key and both values. `goes_on`: whether the run's folder holds checkpoints.
/// A collective.
void check_same_run(Group& processes, const ResolvedRun& run, bool goes_on);

/// Rank 0's newest valid generation for everybody, and whether the run is finished.
struct StartPoint {
  std::optional<Generation> generation;
  bool finished = false;
};

/// A collective. Throws as newest_generation() does, on rank 0.
StartPoint agreed_start(Group& group, const RunFolder& folder, int64_t steps, Log& log);

/// The numbers of all ranks, one rank's after the other's; each may have any count. A collective.
std::vector<int64_t> gather_numbers(Group& group, const std::vector<int64_t>& mine);

/// Rank 0's order of an epoch for everybody. A collective.
std::vector<int64_t> agreed_order(Group& group, std::vector<int64_t> order);

}  // namespace nearfar
