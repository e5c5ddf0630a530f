// Why a collective did not come about: what the store knows of the other ranks.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "distributed/pulse.h"
#include "distributed/store.h"

namespace nearfar {

/// Where the ranks of one start keep what they say of each other.
struct Board {
  std::string prefix;  // of the run and its start
  int rank = 0;
  int ranks = 1;
  std::string server;  // who serves the store, for errors: "rank 0"

  std::string pulse_key(int of_rank) const;
  std::string failure_key() const;
  std::string finding_key() const;
};

/// What somebody said first of why the run ends.
struct Verdict {
  int rank = 0;  // whom it blames
  std::string text;
};

/// Tells the others that this rank has failed by itself. The first to say so is heard.
void report_failure(Store& store, const Board& board, const std::string& reason);

/// What a rank has reported of itself, or has found out about another one.
std::optional<Verdict> find_verdict(Store& store, const Board& board);

/// A collective that did not come about.
struct Mishap {
  std::string channel;
  Activity activity;      // of this rank
  std::string transport;  // what the transport says
};

/// Looks at the other ranks until it is clear why a collective failed, a little longer than a rank
/// may be silent at most. Says which rank is to blame and why, for example "rank 1 has given no
/// sign of life for 8 s". In order: a rank that has reported its failure; one that is silent or has
/// ended; one that is alive but in another collective; what the transport said. Never throws a
/// PeerError: a store that is gone is a cause like others.
std::string find_cause(Store& store, const Board& board, const Mishap& mishap,
                       std::chrono::milliseconds deadline);

}  // namespace nearfar
