// Reading signs of life twice: who has given one in between is alive.
#include "distributed/diagnosis.h"

#include <algorithm>
#include <sstream>
#include <thread>

#include "distributed/peer_error.h"

namespace nearfar {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr size_t kNamedAtMost = 4;
constexpr size_t kLongestReason = 500;

std::string name(int rank) { return "rank " + std::to_string(rank); }

std::string to_text(const Verdict& verdict) {
  return std::to_string(verdict.rank) + " " + verdict.text;
}

std::optional<Verdict> find_text(Store& store, const std::string& key) {
  const std::optional<std::string> text = store.find(key);
  if (!text) return std::nullopt;
  const size_t blank = text->find(' ');
  return Verdict{std::stoi(text->substr(0, blank)), text->substr(blank + 1)};
}

/// Who comes first is heard.
void say_first(Store& store, const std::string& key, const Verdict& verdict) {
  if (store.add(key + "/speakers", 1) == 1) store.set(key, to_text(verdict));
}

std::string join_texts(const std::vector<std::string>& texts) {
  std::string joined;
  for (size_t i = 0; i < std::min(texts.size(), kNamedAtMost); ++i) {
    joined += (i == 0 ? "" : "; ") + texts[i];
  }
  if (texts.size() > kNamedAtMost) {
    joined += "; and " + std::to_string(texts.size() - kNamedAtMost) + " more";
  }
  return joined;
}

std::string at_step(int64_t step) {
  return step < 0 ? " before the first step" : " at step " + std::to_string(step);
}

std::string of_step(int64_t step) {
  return step < 0 ? " before the first step" : " of step " + std::to_string(step);
}

/// What the other ranks say, and whether they go on saying it.
class Observation {
 public:
  Observation(Store& store, const Board& board)
      : store_(store), board_(board), begin_(Clock::now()), others_(board.ranks) {}

  void look() {
    for (int rank = 0; rank < board_.ranks; ++rank) {
      if (rank == board_.rank || is_settled(rank)) continue;
      const std::optional<std::string> text = store_.find(board_.pulse_key(rank));
      if (!text) continue;
      Other& other = others_[rank];
      other.last = to_sign(*text);
      if (!other.first) other.first = other.last.count;
    }
  }

  /// Whether each of the others has given a sign since this began, or has ended.
  bool all_settled() const {
    for (int rank = 0; rank < board_.ranks; ++rank) {
      if (rank != board_.rank && !is_settled(rank)) return false;
    }
    return true;
  }

  /// The ranks that gave no sign, or that said good-bye.
  std::vector<Verdict> missing() const {
    std::vector<Verdict> found;
    for (int rank = 0; rank < board_.ranks; ++rank) {
      if (rank == board_.rank) continue;
      if (!is_settled(rank)) {
        found.push_back({rank, name(rank) + " has given no sign of life for " + silence(rank)});
      } else if (others_[rank].last.state == Sign::State::ended) {
        const int64_t step = others_[rank].last.step;
        found.push_back({rank, name(rank) + " has ended" + at_step(step)});
      }
    }
    return found;
  }

  /// The ranks that are elsewhere.
  std::vector<std::string> elsewhere(const Mishap& mishap) const {
    std::vector<std::string> found;
    for (int rank = 0; rank < board_.ranks; ++rank) {
      if (rank == board_.rank) continue;
      const Sign& sign = others_[rank].last;
      const auto there = sign.channels.find(mishap.channel);
      const Activity activity = there == sign.channels.end() ? Activity{} : there->second;
      if (activity == mishap.activity) continue;
      found.push_back(name(rank) + " is alive but " + place(activity, mishap.activity) +
                      of_step(sign.step));
    }
    return found;
  }

 private:
  struct Other {
    std::optional<int64_t> first;  // count of signs when this began
    Sign last;
  };

  bool is_settled(int rank) const {
    const Other& other = others_[rank];
    return other.first &&
           (other.last.count != *other.first || other.last.state == Sign::State::ended);
  }

  /// By the clocks of two hosts, but no less than what was seen here.
  std::string silence(int rank) const {
    const auto seen = std::chrono::duration_cast<milliseconds>(Clock::now() - begin_);
    const auto clock = std::chrono::system_clock::now().time_since_epoch() -
                       milliseconds(others_[rank].last.written);
    milliseconds silent = seen;
    if (others_[rank].first) {
      silent = std::max(silent, std::chrono::duration_cast<milliseconds>(clock));
    }
    std::ostringstream text;
    text.precision(2);
    text << static_cast<double>(silent.count()) / 1000.0;
    return (silent.count() < 10'000 ? text.str() : std::to_string(silent.count() / 1000)) + " s";
  }

  static std::string place(const Activity& theirs, const Activity& mine) {
    if (theirs.collective.empty()) return "in no collective";
    std::string text = "in " + theirs.collective;
    if (theirs.collective == mine.collective) {
      if (theirs.what != mine.what) {
        text += " (" + theirs.what + ", here " + mine.what + ")";
      } else {
        text += " number " + std::to_string(theirs.sequence) + " (here number " +
                std::to_string(mine.sequence) + ")";
      }
    }
    return text;
  }

  Store& store_;
  const Board& board_;
  Clock::time_point begin_;
  std::vector<Other> others_;
};

std::string observe(Store& store, const Board& board, const Mishap& mishap, milliseconds deadline) {
  const Rhythm rhythm(deadline);
  const auto end = Clock::now() + rhythm.silent_after;
  Observation observation(store, board);
  while (true) {
    observation.look();
    if (const auto verdict = find_verdict(store, board)) return verdict->text;
    if (observation.all_settled() || Clock::now() > end) break;
    std::this_thread::sleep_for(rhythm.interval / 2);
  }
  const std::vector<Verdict> missing = observation.missing();
  std::vector<std::string> texts;
  for (const Verdict& verdict : missing) texts.push_back(verdict.text);
  if (!missing.empty()) {
    const std::string text = join_texts(texts);
    say_first(store, board.finding_key(), {missing[0].rank, text});
    return text;
  }
  texts = observation.elsewhere(mishap);
  if (!texts.empty()) return join_texts(texts);
  return "all ranks are alive and in it, but: " + mishap.transport;
}

}  // namespace

std::string Board::pulse_key(int of_rank) const {
  return prefix + "pulse/" + std::to_string(of_rank);
}
std::string Board::failure_key() const { return prefix + "failure"; }
std::string Board::finding_key() const { return prefix + "finding"; }

void report_failure(Store& store, const Board& board, const std::string& reason) {
  const std::string line = reason.substr(0, std::min(reason.find('\n'), kLongestReason));
  say_first(store, board.failure_key(), {board.rank, name(board.rank) + " has failed: " + line});
}

std::optional<Verdict> find_verdict(Store& store, const Board& board) {
  for (const std::string& key : {board.failure_key(), board.finding_key()}) {
    const std::optional<Verdict> verdict = find_text(store, key);
    if (verdict && verdict->rank != board.rank) return verdict;
  }
  return std::nullopt;
}

std::string find_cause(Store& store, const Board& board, const Mishap& mishap,
                       milliseconds deadline) {
  try {
    return observe(store, board, mishap, deadline);
  } catch (const PeerError& error) {
    return board.server + ", which serves the store, cannot be reached: " + error.what();
  }
}

}  // namespace nearfar
