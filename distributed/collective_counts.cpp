// Sums over counted collectives, and what they cost on the wire.
#include "distributed/collective_counts.h"

namespace nearfar {

const char* name_of(Collective kind) {
  switch (kind) {
    case Collective::all_gather:
      return "all_gather";
    case Collective::all_sum:
      return "all_sum";
    case Collective::background_sum:
      return "background_sum";
    case Collective::sum_scatter:
      return "sum_scatter";
    case Collective::broadcast:
      return "broadcast";
    case Collective::barrier:
      return "barrier";
  }
  return "";
}

Traffic Traffic::operator+(const Traffic& other) const {
  return {calls + other.calls, payload + other.payload};
}

Traffic Traffic::operator-(const Traffic& other) const {
  return {calls - other.calls, payload - other.payload};
}

Traffic CollectiveCounts::total() const {
  Traffic sum;
  for (const Traffic& traffic : by_kind_) sum = sum + traffic;
  return sum;
}

CollectiveCounts CollectiveCounts::operator-(const CollectiveCounts& earlier) const {
  CollectiveCounts difference;
  for (const Collective kind : kCollectives) difference[kind] = (*this)[kind] - earlier[kind];
  return difference;
}

void CollectiveCounter::count(Collective kind, int64_t payload) {
  const std::lock_guard<std::mutex> lock(mutex_);
  counts_[kind] = counts_[kind] + Traffic{1, payload};
}

CollectiveCounts CollectiveCounter::counts() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return counts_;
}

int64_t bytes_sent(Collective kind, int64_t payload, int ranks) {
  const bool is_sum = kind == Collective::all_sum || kind == Collective::background_sum;
  // The share first: a payload times the ranks might not fit.
  return (is_sum ? 2 : 1) * (payload - payload / ranks);
}

int64_t bytes_sent(const CollectiveCounts& counts, int ranks) {
  int64_t sum = 0;
  for (const Collective kind : kCollectives) sum += bytes_sent(kind, counts[kind].payload, ranks);
  return sum;
}

int64_t bytes_leaving_host(const CollectiveCounts& counts, int ranks, int hosts) {
  return hosts == 1 ? 0 : bytes_sent(counts, ranks);
}

}  // namespace nearfar
