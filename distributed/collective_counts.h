// How many collectives a rank takes part in, by kind, and how many bytes they are about.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>

namespace nearfar {

enum class Collective { all_gather, all_sum, background_sum, sum_scatter, broadcast, barrier };

inline constexpr std::array kCollectives = {Collective::all_gather,     Collective::all_sum,
                                            Collective::background_sum, Collective::sum_scatter,
                                            Collective::broadcast,      Collective::barrier};

/// "all_gather", ...; a background_sum is what Group::start_all_sum starts.
const char* name_of(Collective kind);

/// The collectives of one kind.
struct Traffic {
  int64_t calls = 0;
  int64_t payload = 0;  // bytes: of the sum, of what is broadcast; all ranks' rows of a gather or
                        // a scatter
  Traffic operator+(const Traffic& other) const;
  Traffic operator-(const Traffic& other) const;
  bool operator==(const Traffic&) const = default;
};

/// Traffic by kind.
class CollectiveCounts {
 public:
  Traffic& operator[](Collective kind) { return by_kind_[static_cast<size_t>(kind)]; }
  const Traffic& operator[](Collective kind) const { return by_kind_[static_cast<size_t>(kind)]; }
  Traffic total() const;
  /// What came between an earlier count and this one.
  CollectiveCounts operator-(const CollectiveCounts& earlier) const;
  bool operator==(const CollectiveCounts&) const = default;

 private:
  std::array<Traffic, kCollectives.size()> by_kind_;
};

/// Counts the collectives of a group and of all its channels. Thread-safe.
class CollectiveCounter {
 public:
  void count(Collective kind, int64_t payload);
  CollectiveCounts counts() const;

 private:
  mutable std::mutex mutex_;
  CollectiveCounts counts_;
};

/// Bytes that one of `ranks` ranks sends for a collective of `payload` bytes, with the algorithms
/// that move the fewest (Patarasuk and Yuan 2009, "Bandwidth optimal all-reduce algorithms for
/// clusters of workstations"), payload S and W ranks:
///
/// * sums: ring, 2 (W - 1) / W S;
/// * all_gather, sum_scatter: ring, (W - 1) / W S;
/// * broadcast: S to every rank but one, whoever sends it: (W - 1) / W S on average.
int64_t bytes_sent(Collective kind, int64_t payload, int ranks);

/// Over all kinds.
int64_t bytes_sent(const CollectiveCounts& counts, int ranks);

/// Bytes that leave one host of `hosts`, where ranks stand in a ring in their order and those of a
/// host are neighbours: what one rank sends, since a host's last rank sends for all of them; 0 on
/// one host.
int64_t bytes_leaving_host(const CollectiveCounts& counts, int ranks, int hosts);

}  // namespace nearfar
