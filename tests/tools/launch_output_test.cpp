// Lines of ranks: prefixes, pieces, status lines, the last ones.
#include "tools/nearfar/launch_output.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>

namespace nearfar {
namespace {

class Output : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(pipe2(ends_.data(), O_NONBLOCK), 0); }
  void TearDown() override {
    close(ends_[0]);
    close(ends_[1]);
  }
  /// What was written since the last call.
  std::string written() {
    std::array<char, 65536> bytes;
    const ssize_t count = read(ends_[0], bytes.data(), bytes.size());
    return std::string(bytes.data(), count > 0 ? static_cast<size_t>(count) : 0);
  }
  int writer() const { return ends_[1]; }

 private:
  std::array<int, 2> ends_ = {-1, -1};
};

TEST_F(Output, EveryLineHasAPrefixWhateverThePieces) {
  RankOutput output(1, writer());
  for (const char c : std::string("one\ntwo\n\nthr")) output.take(std::string(1, c));
  EXPECT_EQ(written(), "[rank 1] one\n[rank 1] two\n[rank 1] \n");
  output.take("ee\nfour");
  EXPECT_EQ(written(), "[rank 1] three\n");
  output.finish();
  EXPECT_EQ(written(), "[rank 1] four\n");
  EXPECT_EQ(output.last_lines(), (std::deque<std::string>{"one", "two", "three", "four"}));
}

TEST_F(Output, NoPrefixTwice) {
  RankOutput output(1, writer());
  output.take("[rank 1] warning: x\n[rank 0] said so\n");
  EXPECT_EQ(written(), "[rank 1] warning: x\n[rank 0] said so\n");
  EXPECT_EQ(output.last_lines(), (std::deque<std::string>{"warning: x", "[rank 0] said so"}));
}

TEST_F(Output, RemembersTenLines) {
  RankOutput output(3, writer());
  for (int i = 0; i < 25; ++i) output.take(std::to_string(i) + "\n");
  EXPECT_EQ(output.last_lines().size(), 10u);
  EXPECT_EQ(output.last_lines().front(), "15");
  EXPECT_EQ(output.last_lines().back(), "24");
}

TEST_F(Output, ALineWithoutEndIsNotKeptForEver) {
  RankOutput output(0, writer());
  output.take(std::string(60000, 'x'));
  EXPECT_EQ(written(), "");
  output.take(std::string(6000, 'x'));
  EXPECT_TRUE(written().starts_with("[rank 0] xxx"));
}

TEST_F(Output, TheBarIsDrawnAgainBelowTheLines) {
  RankOutput bar(0, writer(), /*terminal=*/true);
  RankOutput other(1, writer());
  bar.take("\r\x1b[Kstep 1");
  EXPECT_EQ(written(), "\r\x1b[Kstep 1");
  other.take("warning: slow\n");
  EXPECT_EQ(written(), "\r\x1b[K[rank 1] warning: slow\nstep 1");
  bar.take("\r\x1b[Kepoch 1 done\nstep 2");
  EXPECT_NE(written().find("[rank 0] epoch 1 done\n"), std::string::npos);
  bar.take("\r\x1b[Kstep 3");
  EXPECT_EQ(written(), "\r\x1b[Kstep 3");
  bar.take("\r\x1b[K");
  EXPECT_EQ(written(), "\r\x1b[K") << "the rank has taken its bar away";
  other.take("x\n");
  EXPECT_EQ(written(), "[rank 1] x\n");
  EXPECT_EQ(bar.last_lines(), (std::deque<std::string>{"epoch 1 done"}));
}

TEST_F(Output, ABarIsTakenAwayAtTheEnd) {
  RankOutput bar(0, writer(), /*terminal=*/true);
  bar.take("\r\x1b[Kstep 1");
  written();
  bar.finish();
  EXPECT_EQ(written(), "\r\x1b[K");
  EXPECT_TRUE(bar.last_lines().empty());
}

}  // namespace
}  // namespace nearfar
