// The progress line on a real pseudo-terminal and in a file, with a clock that the test moves.
#include "framework/log/progress_bar.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "framework/log/log.h"
#include "tests/framework/log/captured.h"

namespace nearfar {
namespace {

const std::string kErase = "\r\x1b[K";

Progress sample() {
  Progress progress;
  progress.step = 412;
  progress.total_steps = 1100;
  progress.epoch = 2;
  progress.epochs = 5;
  progress.images_per_second = 1520.4;
  progress.loss = 3.4118;
  progress.random_guess_loss = 6.9304;
  progress.data_wait_fraction = 0.0123;
  progress.seconds_left = 200.0;
  return progress;
}

Progress at_step(int64_t step) {
  Progress progress = sample();
  progress.step = step;
  return progress;
}

/// What a terminal shows after the bytes: carriage return, erase to the end of the line, newline.
std::vector<std::string> screen(const std::string& bytes) {
  std::vector<std::string> lines{""};
  size_t column = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] == '\r') {
      column = 0;
    } else if (bytes[i] == '\n') {
      // A raw terminal keeps the column on a line feed; the cooked one of a user goes to the first.
      lines.emplace_back();
      column = 0;
    } else if (bytes.compare(i, 3, "\x1b[K") == 0) {
      lines.back().resize(column);
      i += 2;
    } else {
      lines.back().resize(std::max(lines.back().size(), column + 1), ' ');
      lines.back()[column++] = bytes[i];
    }
  }
  return lines;
}

class ProgressLine : public testing::Test {
 protected:
  ProgressOptions options() {
    ProgressOptions options;
    options.clock = [this] { return now_; };
    return options;
  }
  double now_ = 1000.0;
  CapturedFile file_;
};

TEST(DescribeProgress, SaysEverything) {
  EXPECT_EQ(describe_progress(sample()),
            "epoch 2/5  37%  step 412/1100  1520 img/s  loss 3.412 (random 6.930)  data wait 1.2%  "
            "ETA 3m20s");
}

TEST(DescribeProgress, LeavesOutWhatIsUnknown) {
  Progress progress;
  progress.step = 7;
  progress.images_per_second = 3.14;
  progress.loss = std::nan("");
  progress.random_guess_loss = std::nan("");
  EXPECT_EQ(describe_progress(progress), "step 7  3.1 img/s  loss nan  data wait 0.0%");
}

TEST(DescribeProgress, OfAMeasurementHasNoLoss) {
  Progress progress = sample();
  progress.training = false;
  progress.epochs = 0;
  progress.step = 2;
  progress.total_steps = 5;
  progress.seconds_left = 3.0;
  EXPECT_EQ(describe_progress(progress), "40%  step 2/5  ETA 3.0s");
}

TEST(DescribeProgress, TheWholeIsHundredPercentAndNothingLessIs) {
  EXPECT_NE(describe_progress(at_step(1100)).find("  100%  "), std::string::npos);
  EXPECT_NE(describe_progress(at_step(1099)).find("  99%  "), std::string::npos);
}

TEST(DescribeProgress, DropsTheLeastImportantPartsFirst) {
  const std::string full = describe_progress(sample());
  EXPECT_EQ(describe_progress(sample(), static_cast<int>(full.size())), full);
  EXPECT_EQ(describe_progress(sample(), static_cast<int>(full.size()) - 1),
            "epoch 2/5  37%  step 412/1100  1520 img/s  loss 3.412 (random 6.930)  ETA 3m20s");
  EXPECT_EQ(describe_progress(sample(), 41), "37%  loss 3.412 (random 6.930)  ETA 3m20s");
  EXPECT_EQ(describe_progress(sample(), 10), "loss 3.412");
  for (int width = 0; width < 110; ++width) {
    EXPECT_LE(describe_progress(sample(), width).size(), static_cast<size_t>(width));
  }
}

TEST_F(ProgressLine, WritesPlainLinesNowAndThenToAFile) {
  ProgressBar bar(file_.descriptor(), options());
  std::string expected;
  for (int step = 1; step <= 25; ++step, now_ += 1.0) bar.update(at_step(step));
  bar.finish();
  for (const int step : {1, 11, 21, 25}) expected += describe_progress(at_step(step)) + "\n";
  EXPECT_EQ(file_.text(), expected);
}

TEST_F(ProgressLine, DoesNotRepeatTheLastPlainLine) {
  ProgressBar bar(file_.descriptor(), options());
  bar.update(at_step(1));
  bar.finish();
  bar.finish();
  EXPECT_EQ(file_.text(), describe_progress(at_step(1)) + "\n");
}

TEST_F(ProgressLine, QuietWritesNothing) {
  PseudoTerminal terminal(80);
  for (const int descriptor : {file_.descriptor(), terminal.descriptor()}) {
    ProgressOptions quiet = options();
    quiet.quiet = true;
    ProgressBar bar(descriptor, quiet);
    bar.update(sample());
    bar.finish();
  }
  EXPECT_EQ(file_.text(), "");
  EXPECT_EQ(terminal.text(), "");
}

TEST_F(ProgressLine, RedrawsInPlaceOnATerminalAtMostTenTimesASecond) {
  PseudoTerminal terminal(200);
  ProgressBar bar(terminal.descriptor(), options());
  std::string bytes;
  int drawn = 0;
  for (int step = 1; step <= 1000; ++step, now_ += 0.001) {
    bar.update(at_step(step));
    const std::string part = terminal.text();
    drawn += part.empty() ? 0 : 1;
    bytes += part;
  }
  EXPECT_GE(drawn, 9);
  EXPECT_LE(drawn, 11);
  const auto lines = screen(bytes);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_TRUE(lines[0].starts_with("[=")) << lines[0];
  bar.finish();
  const auto last = screen(bytes + terminal.text());
  EXPECT_EQ(last, (std::vector<std::string>{describe_progress(at_step(1000)), ""}));
}

TEST_F(ProgressLine, TheBarIsAsLongAsTheFractionDone) {
  PseudoTerminal terminal(200);
  ProgressBar bar(terminal.descriptor(), options());
  bar.update(at_step(550));
  EXPECT_EQ(terminal.text().substr(kErase.size(), 30), "[==============>             ]");
  now_ += 1.0;
  bar.update(at_step(1100));
  EXPECT_EQ(terminal.text().substr(kErase.size(), 30), "[" + std::string(28, '=') + "]");
}

TEST_F(ProgressLine, FitsTheWidthOfTheTerminal) {
  for (const int columns : {20, 60, 80, 110, 115, 200}) {
    PseudoTerminal terminal(columns);
    ProgressBar bar(terminal.descriptor(), options());
    bar.update(sample());
    const auto lines = screen(terminal.text());
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_LT(lines[0].size(), static_cast<size_t>(columns));
    EXPECT_NE(lines[0].find("loss 3.412"), std::string::npos);
  }
}

TEST_F(ProgressLine, MessagesGoAboveIt) {
  PseudoTerminal terminal(80);
  Log log(terminal_sink(terminal.descriptor(), {}));
  ProgressBar bar(terminal.descriptor(), options());
  bar.update(sample());
  std::string bytes = terminal.text();
  const std::string drawn = screen(bytes).back();
  ASSERT_FALSE(drawn.empty());
  log.warning("slow disk");
  bytes += terminal.text();
  EXPECT_EQ(screen(bytes), (std::vector<std::string>{"warning: slow disk", drawn}));
  bar.finish();
  log.info("done");
  bytes += terminal.text();
  EXPECT_EQ(screen(bytes), (std::vector<std::string>{"warning: slow disk",
                                                     describe_progress(sample()), "done", ""}));
}

TEST_F(ProgressLine, AnUnfinishedBarVanishes) {
  PseudoTerminal terminal(80);
  {
    ProgressBar bar(terminal.descriptor(), options());
    bar.update(sample());
  }
  EXPECT_EQ(screen(terminal.text()), std::vector<std::string>{""});
}

}  // namespace
}  // namespace nearfar
