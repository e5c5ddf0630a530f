// Who the ranks of a job are, and whether they run the same program.
#pragma once

#include <string>
#include <vector>

#include "distributed/group.h"
#include "distributed/placement.h"

namespace nearfar {

/// What one rank says of itself.
struct RankEntry {
  int rank = 0;
  std::string host;
  int64_t process = 0;
  int local_rank = 0;
  std::string device;   // "cpu", "cuda:1"
  std::string nearfar;  // versions
  std::string libtorch;
  std::string recipe;       // hash of its library
  std::string settings;     // hash of them
  double clock_lead = 0.0;  // seconds that its clock is ahead of rank 0's, to about a latency
};

/// All ranks in order. `mine` needs no rank, host, process, versions or clock: they are filled in.
/// A collective.
std::vector<RankEntry> gather_roster(Group& group, RankEntry mine);

/// The largest difference of two clocks in seconds.
double clock_spread(const std::vector<RankEntry>& roster);

/// Throws EnvironmentError naming rank, host and both values when a rank has another version,
/// recipe library or settings than rank 0.
void require_same_program(const std::vector<RankEntry>& roster);

}  // namespace nearfar
