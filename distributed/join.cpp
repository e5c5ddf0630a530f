// Meeting in a store: who we are, that we are one run, and that all of us are here.
#include "distributed/join.h"

#include <algorithm>
#include <sstream>
#include <thread>
#include <utility>

#include "distributed/c10d_group.h"
#include "distributed/peer_error.h"
#include "distributed/sockets.h"

namespace nearfar {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

/// One rank's way into the run.
class Entrance {
 public:
  Entrance(const Placement& placement, const JoinOptions& options)
      : placement_(placement), options_(options), end_(Clock::now() + options.deadline) {
    board_ = {placement.run_id + "/" + std::to_string(placement.attempt) + "/", placement.rank,
              placement.ranks, placement.store_served ? placement.source : "rank 0"};
  }

  Ranks enter() {
    Ranks ranks{placement_, nullptr, nullptr};
    const bool serves = placement_.rank == 0 && !placement_.store_served;
    try {
      ranks.store = serves ? serve_store(placement_.port).store
                           : connect_store(placement_.host, placement_.port, options_.deadline);
      agree_on_run(*ranks.store, serves);
      const std::string address = announce(*ranks.store);
      wait_for_all(*ranks.store);
      const std::string reachable = reachable_address(*ranks.store, address);
      ranks.group = make_c10d_group(*ranks.store, board_, serves, reachable, options_);
    } catch (const PeerError& error) {
      const std::string text = error.what();
      throw PeerError(text.starts_with(who()) ? text : who() + ": joining: " + text);
    }
    return ranks;
  }

 private:
  std::string who() const {
    return "rank " + std::to_string(placement_.rank) + " of " + std::to_string(placement_.ranks);
  }

  milliseconds time_left() const {
    return std::max(std::chrono::duration_cast<milliseconds>(end_ - Clock::now()), milliseconds(1));
  }

  [[noreturn]] void refuse(const std::string& why) const {
    throw PeerError("the store at " + placement_.host + ":" + std::to_string(placement_.port) +
                    " " + why);
  }

  /// The store belongs to whoever serves it, or to the first rank that comes.
  void agree_on_run(Store& store, bool serves) {
    const bool decides = serves || (placement_.store_served && store.add("run/claims", 1) == 1);
    if (decides) store.set("run", placement_.run_id);
    const std::string found = store.wait_for("run", time_left());
    if (found != placement_.run_id) {
      refuse("belongs to run '" + found + "', this rank to run '" + placement_.run_id + "'");
    }
    const std::string key = board_.prefix + "ranks";
    if (placement_.rank == 0) store.set(key, std::to_string(placement_.ranks));
    const std::string ranks = store.wait_for(key, time_left());
    if (ranks != std::to_string(placement_.ranks)) {
      refuse("is of a run of " + ranks + " ranks, this rank counts " +
             std::to_string(placement_.ranks));
    }
  }

  std::string here_key(int rank) const { return board_.prefix + "here/" + std::to_string(rank); }

  /// Says that this rank is there; returns the address it says.
  std::string announce(Store& store) {
    const std::string key = here_key(placement_.rank);
    if (store.add(key + "/count", 1) != 1) {
      refuse("knows this rank already: two processes are rank " + std::to_string(placement_.rank));
    }
    const std::string address = local_address_towards(placement_.host, placement_.port);
    const std::string seen = wait_until_served(placement_.host, placement_.port, time_left());
    store.set(key, address + " " + seen);
    store.add(board_.prefix + "arrived", 1);
    return address;
  }

  void wait_for_all(Store& store) {
    milliseconds pause(2);
    while (store.add(board_.prefix + "arrived", 0) < placement_.ranks) {
      if (Clock::now() + pause > end_) throw PeerError(absent(store));
      std::this_thread::sleep_for(pause);
      pause = std::min(2 * pause, milliseconds(100));
    }
  }

  std::string absent(Store& store) const {
    std::ostringstream text;
    int count = 0;
    for (int rank = 0; rank < placement_.ranks; ++rank) {
      if (store.find(here_key(rank))) continue;
      if (++count <= 16) text << (count == 1 ? "" : ", ") << rank;
    }
    if (count > 16) text << ", ... (" << count << " in all)";
    text << " did not come within " << static_cast<double>(options_.deadline.count()) / 1000.0
         << " s";
    return (count == 1 ? "rank " : "ranks ") + text.str();
  }

  /// The name of the store's host may be an alias of loopback there: then the address is the one
  /// under which the ranks of other hosts have found the store.
  std::string reachable_address(Store& store, const std::string& address) const {
    if (!is_loopback(address) || placement_.local_ranks == placement_.ranks) return address;
    for (int rank = 0; rank < placement_.ranks; ++rank) {
      const std::string arrival = store.wait_for(here_key(rank), time_left());
      const std::string seen = arrival.substr(arrival.find(' ') + 1);
      if (!is_loopback(seen)) return seen;
    }
    throw PeerError("the name " + placement_.host + " means this host alone (" + address +
                    "), but only " + std::to_string(placement_.local_ranks) + " of " +
                    std::to_string(placement_.ranks) +
                    " ranks are here; name an address that all hosts reach");
  }

  static bool is_loopback(const std::string& address) {
    return address.starts_with("127.") || address == "::1" || address.starts_with("::ffff:127.");
  }

  const Placement placement_;
  const JoinOptions options_;
  const Clock::time_point end_;
  Board board_;
};

}  // namespace

Ranks join(const Placement& placement, const JoinOptions& options) {
  if (placement.ranks == 1) return {placement, nullptr, std::make_unique<SoloGroup>()};
  return Entrance(placement, options).enter();
}

}  // namespace nearfar
