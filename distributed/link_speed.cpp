// Timing of collectives.
#include "distributed/link_speed.h"

#include <torch/types.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>
#include <vector>

#include "distributed/collective_counts.h"

namespace nearfar {
namespace {

/// Seconds from the moment when all ranks are there until the result is (on a GPU: on the host).
double seconds_of(Group& group, const std::function<at::Tensor()>& collective) {
  group.barrier();
  const auto begin = std::chrono::steady_clock::now();
  collective().flatten()[0].item();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double median_latency(Group& group) {
  constexpr int kRounds = 51;
  const at::Tensor one = at::ones({1}).to(group.device());
  std::vector<double> seconds;
  for (int round = 0; round < kRounds; ++round) {
    seconds.push_back(seconds_of(group, [&] { return group.all_sum(one); }));
  }
  std::nth_element(seconds.begin(), seconds.begin() + kRounds / 2, seconds.end());
  return seconds[kRounds / 2];
}

double fastest(Group& group, const std::function<at::Tensor()>& collective) {
  constexpr int kRounds = 3;
  double least = std::numeric_limits<double>::infinity();
  for (int round = 0; round < kRounds; ++round) {
    least = std::min(least, seconds_of(group, collective));
  }
  return least;
}

/// Rank 0's number for all.
double of_rank_0(Group& group, double mine) {
  const at::Tensor value = at::full({1}, mine, at::kDouble).to(group.device());
  return group.broadcast(value, 0).item<double>();
}

/// Floats a rank, of which a few sums take about a second at most.
int64_t affordable_floats(Group& group) {
  constexpr int64_t kFew = int64_t{1} << 18, kMost = int64_t{1} << 24;
  constexpr double kSecondsOfOne = 0.15;
  const at::Tensor few = at::ones({kFew}).to(group.device());
  const double seconds = of_rank_0(group, fastest(group, [&] { return group.all_sum(few); }));
  const double floats = static_cast<double>(kFew) * kSecondsOfOne / std::max(seconds, 1e-9);
  return std::clamp(static_cast<int64_t>(std::min(floats, 1e9)), kFew, kMost);
}

}  // namespace

LinkSpeed measure_links(Group& group) {
  LinkSpeed speed;
  speed.latency_seconds = of_rank_0(group, median_latency(group));
  const int64_t ranks = group.size();
  const int64_t share = std::max<int64_t>(1, affordable_floats(group) / ranks);
  speed.bytes = share * ranks * static_cast<int64_t>(sizeof(float));
  const at::Tensor all = at::ones({share * ranks}).to(group.device());
  const at::Tensor mine = at::ones({share}).to(group.device());
  const std::vector<int64_t> rows(static_cast<size_t>(ranks), share);
  speed.sum_seconds = of_rank_0(group, fastest(group, [&] { return group.all_sum(all); }));
  speed.gather_seconds =
      of_rank_0(group, fastest(group, [&] { return group.all_gather(mine, rows); }));
  const auto rate = [&](Collective kind, double seconds) {
    return static_cast<double>(bytes_sent(kind, speed.bytes, group.size())) /
           std::max(seconds, 1e-9);
  };
  speed.sum_bytes_per_second = rate(Collective::all_sum, speed.sum_seconds);
  speed.gather_bytes_per_second = rate(Collective::all_gather, speed.gather_seconds);
  return speed;
}

}  // namespace nearfar
