// Signs of life and what is made of them, over a store in memory.
#include "distributed/diagnosis.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "distributed/peer_error.h"

namespace nearfar {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kDeadline{900};  // signs are missed after 300 ms

/// A table that several ranks of this process share.
struct Table {
  std::mutex mutex;
  std::map<std::string, std::string> texts;
  std::map<std::string, int64_t> numbers;
  bool is_gone = false;
};

class MemoryStore final : public Store {
 public:
  explicit MemoryStore(Table& table) : table_(table) {}
  void set(const std::string& key, const std::string& text) override {
    const auto lock = open();
    table_.texts[key] = text;
  }
  std::optional<std::string> find(const std::string& key) override {
    const auto lock = open();
    const auto found = table_.texts.find(key);
    if (found == table_.texts.end()) return std::nullopt;
    return found->second;
  }
  std::string wait_for(const std::string& key, milliseconds) override { return find(key).value(); }
  int64_t add(const std::string& key, int64_t amount) override {
    const auto lock = open();
    return table_.numbers[key] += amount;
  }

 private:
  std::unique_lock<std::mutex> open() {
    std::unique_lock lock(table_.mutex);
    if (table_.is_gone) throw PeerError("the store at here:1 is gone");
    return lock;
  }
  Table& table_;
};

class Diagnosis : public testing::Test {
 protected:
  Board board_of(int rank) { return {"run/0/", rank, 3, "rank 0"}; }
  std::unique_ptr<Pulse> pulse_of(int rank) {
    return std::make_unique<Pulse>(store_, board_of(rank).pulse_key(rank), kDeadline);
  }
  std::string cause_at_rank_0() {
    return find_cause(store_, board_of(0), {"0", sum_, "a connection was closed"}, kDeadline);
  }
  Table table_;
  MemoryStore store_{table_};
  const Activity sum_{"all_sum", 7, "Float [3]"};
};

TEST(Sign, IsReadAsItWasWritten) {
  Sign sign{12, 1'700'000'000'123, Sign::State::failing, 40, {}};
  sign.channels["0"] = {"all_gather", 5, "Float [7, 3] in pieces of 4, 3"};
  sign.channels["0.1"] = {};
  const Sign read = to_sign(to_text(sign));
  EXPECT_EQ(read.count, 12);
  EXPECT_EQ(read.written, 1'700'000'000'123);
  EXPECT_EQ(read.state, Sign::State::failing);
  EXPECT_EQ(read.step, 40);
  EXPECT_EQ(read.channels, sign.channels);
}

TEST(Rhythm, FitsAnyDeadline) {
  for (const int64_t deadline : {100, 2000, 60'000, 3'600'000}) {
    const Rhythm rhythm{milliseconds(deadline)};
    EXPECT_LE(rhythm.interval, milliseconds(1000));
    EXPECT_GE(rhythm.silent_after, 4 * rhythm.interval);
    EXPECT_LE(rhythm.silent_after, milliseconds(5000));
  }
}

TEST_F(Diagnosis, AReportedFailureIsHeardAndTheFirstOneCounts) {
  const auto one = pulse_of(1), two = pulse_of(2);
  report_failure(store_, board_of(2), "no space left on device\nframe 1");
  report_failure(store_, board_of(1), "something later");
  EXPECT_EQ(cause_at_rank_0(), "rank 2 has failed: no space left on device");
  EXPECT_FALSE(find_verdict(store_, board_of(2)).has_value()) << "nobody blames itself";
}

TEST_F(Diagnosis, ASilentRankIsToldFromOneThatIsElsewhere) {
  const auto one = pulse_of(1);
  one->enter("0", {"broadcast", 7, "Float [3] from rank 1"});
  one->set_step(11);
  auto two = pulse_of(2);
  two->enter("0", sum_);
  EXPECT_EQ(cause_at_rank_0(), "rank 1 is alive but in broadcast of step 11");
  // Rank 2 gives no sign any more: its last one stays as it was.
  const std::string last = store_.find(board_of(2).pulse_key(2)).value();
  two.reset();
  store_.set(board_of(2).pulse_key(2), last);
  const std::string cause = cause_at_rank_0();
  EXPECT_EQ(cause.find("rank 2 has given no sign of life for "), 0U) << cause;
  EXPECT_EQ(find_verdict(store_, board_of(1))->text, cause) << "the others hear it";
}

TEST_F(Diagnosis, ARankThatSaidGoodByeHasEnded) {
  const auto one = pulse_of(1);
  one->enter("0", sum_);
  {
    const auto two = pulse_of(2);
    two->set_step(30);
  }
  EXPECT_EQ(cause_at_rank_0(), "rank 2 has ended at step 30");
}

TEST_F(Diagnosis, WithAllInPlaceTheTransportHasItsSay) {
  const auto one = pulse_of(1), two = pulse_of(2);
  one->enter("0", sum_);
  two->enter("0", sum_);
  EXPECT_EQ(cause_at_rank_0(), "all ranks are alive and in it, but: a connection was closed");
}

TEST_F(Diagnosis, AStoreThatIsGoneIsACause) {
  table_.is_gone = true;
  EXPECT_EQ(cause_at_rank_0(),
            "rank 0, which serves the store, cannot be reached: the store at here:1 is gone");
}

}  // namespace
}  // namespace nearfar
