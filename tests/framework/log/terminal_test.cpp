// Messages on a descriptor: prefixes, ranks, colours, and when colours fit.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <optional>
#include <thread>

#include "framework/log/log.h"
#include "tests/framework/log/captured.h"

namespace nearfar {
namespace {

std::string written(TerminalOptions options, Level level, const std::string& message) {
  CapturedFile file;
  Log log(terminal_sink(file.descriptor(), options));
  log.write(level, message);
  return file.text();
}

TEST(Terminal, LevelsHavePrefixes) {
  TerminalOptions all;
  all.lowest = Level::debug;
  EXPECT_EQ(written(all, Level::debug, "m"), "debug: m\n");
  EXPECT_EQ(written(all, Level::info, "m"), "m\n");
  EXPECT_EQ(written(all, Level::warning, "m"), "warning: m\n");
  EXPECT_EQ(written(all, Level::error, "m"), "error: m\n");
}

TEST(Terminal, LowLevelsAreDropped) {
  EXPECT_EQ(written({}, Level::debug, "m"), "");
  TerminalOptions quiet;
  quiet.lowest = Level::error;
  EXPECT_EQ(written(quiet, Level::warning, "m"), "");
  EXPECT_EQ(written(quiet, Level::error, "m"), "error: m\n");
}

TEST(Terminal, RanksPrefixEveryLine) {
  TerminalOptions options;
  options.rank = 3;
  options.ranks = 8;
  EXPECT_EQ(written(options, Level::warning, "one\ntwo"), "[rank 3] warning: one\n[rank 3] two\n");
  options.ranks = 1;
  EXPECT_EQ(written(options, Level::info, "one\ntwo"), "one\ntwo\n");
}

TEST(Terminal, ColorsTouchTheLabelOnly) {
  TerminalOptions options;
  options.colors = true;
  EXPECT_EQ(written(options, Level::info, "m"), "m\n");
  EXPECT_EQ(written(options, Level::warning, "m"), "\x1b[33mwarning: \x1b[0mm\n");
  EXPECT_EQ(written(options, Level::error, "m"), "\x1b[1;31merror: \x1b[0mm\n");
}

TEST(Log, WithoutSinkDropsEverything) {
  Log log;
  log.error("nobody hears this");
}

TEST(Log, NamesTheLevel) {
  std::vector<std::pair<Level, std::string>> heard;
  Log log([&](Level level, const std::string& message) { heard.emplace_back(level, message); });
  log.debug("a");
  log.info("b");
  log.warning("c");
  log.error("d");
  EXPECT_EQ(
      heard,
      (std::vector<std::pair<Level, std::string>>{
          {Level::debug, "a"}, {Level::info, "b"}, {Level::warning, "c"}, {Level::error, "d"}}));
}

TEST(Log, LinesOfSeveralThreadsStayWhole) {
  CapturedFile file;
  Log log(terminal_sink(file.descriptor(), {}));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&log, t] {
      for (int i = 0; i < 200; ++i) log.info(std::string(50, static_cast<char>('a' + t)));
    });
  }
  for (auto& thread : threads) thread.join();
  const std::string text = file.text();
  ASSERT_EQ(text.size(), 4u * 200u * 51u);
  for (size_t begin = 0; begin < text.size(); begin += 51) {
    ASSERT_EQ(text.substr(begin, 51), std::string(50, text[begin]) + "\n");
  }
}

/// The variables that decide on colours, unset, and as they were afterwards.
class ColorsWanted : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : kNames) {
      const char* value = getenv(name);
      before_.push_back(value == nullptr ? std::nullopt : std::optional<std::string>(value));
      unsetenv(name);
    }
  }
  void TearDown() override {
    for (size_t i = 0; i < before_.size(); ++i) {
      if (before_[i]) {
        setenv(kNames[i], before_[i]->c_str(), 1);
      } else {
        unsetenv(kNames[i]);
      }
    }
  }

  static constexpr const char* kNames[] = {"NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "TERM"};
  std::vector<std::optional<std::string>> before_;
  PseudoTerminal terminal_{80};
  CapturedFile file_;
};

TEST_F(ColorsWanted, FitATerminalAndNoFile) {
  EXPECT_TRUE(colors_wanted(terminal_.descriptor(), false));
  EXPECT_FALSE(colors_wanted(file_.descriptor(), false));
  EXPECT_FALSE(colors_wanted(terminal_.descriptor(), true));
}

TEST_F(ColorsWanted, NoColorCountsUnlessEmpty) {
  setenv("NO_COLOR", "", 1);
  EXPECT_TRUE(colors_wanted(terminal_.descriptor(), false));
  setenv("NO_COLOR", "1", 1);
  EXPECT_FALSE(colors_wanted(terminal_.descriptor(), false));
  setenv("FORCE_COLOR", "1", 1);
  EXPECT_FALSE(colors_wanted(terminal_.descriptor(), false));
}

TEST_F(ColorsWanted, ForceWinsOverTheTerminalCheck) {
  for (const char* name : {"FORCE_COLOR", "CLICOLOR_FORCE"}) {
    setenv(name, "1", 1);
    EXPECT_TRUE(colors_wanted(file_.descriptor(), false)) << name;
    EXPECT_FALSE(colors_wanted(file_.descriptor(), true)) << name;
    setenv(name, "0", 1);
    EXPECT_FALSE(colors_wanted(file_.descriptor(), false)) << name;
    unsetenv(name);
  }
}

TEST_F(ColorsWanted, DumbTerminalsHaveNone) {
  setenv("TERM", "dumb", 1);
  EXPECT_FALSE(colors_wanted(terminal_.descriptor(), false));
  setenv("FORCE_COLOR", "1", 1);
  EXPECT_TRUE(colors_wanted(terminal_.descriptor(), false));
}

}  // namespace
}  // namespace nearfar
