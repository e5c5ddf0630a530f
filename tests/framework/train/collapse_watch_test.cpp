// The watch on collapse: what it says, when, and that healthy runs hear nothing.
#include "framework/train/collapse_watch.h"

#include <gtest/gtest.h>

#include <cmath>

namespace nearfar {
namespace {

LoggedSigns healthy(int64_t step) {
  LoggedSigns line;
  line.step = step;
  line.random_guess_loss = 6.2;
  line.loss = 3.0 + 3.0 * std::exp(-static_cast<double>(step) / 100.0);
  line.signs.embedding_std = 0.99;
  line.signs.effective_rank = 20.0;
  line.signs.negative_similarity = 0.01;
  line.largest_rank = 128;
  return line;
}

LoggedSigns collapsed(int64_t step, double std = 0.002) {
  LoggedSigns line = healthy(step);
  line.loss = -0.999;
  line.random_guess_loss = 0.0;
  line.signs.embedding_std = std;
  line.signs.negative_similarity = 1.0 - std * std;
  line.signs.effective_rank = 1.01;
  return line;
}

/// The steps at which a run of lines every ten steps is warned; its first line is a healthy one.
template <typename MakeLine>
std::vector<int64_t> warned(int64_t steps, MakeLine make_line, std::string* words = nullptr) {
  CollapseWatch watch;
  EXPECT_EQ(watch.look(healthy(1)), "");
  std::vector<int64_t> at;
  for (int64_t step = 10; step <= steps; step += 10) {
    const std::string warning = watch.look(make_line(step));
    if (warning.empty()) continue;
    at.push_back(step);
    if (words != nullptr) *words = warning;
  }
  return at;
}

TEST(CollapseWatch, SaysNothingOfAHealthyRun) { EXPECT_TRUE(warned(100000, healthy).empty()); }

TEST(CollapseWatch, WarnsOnceAndAgainWhenTheRunIsTenTimesAsOld) {
  std::string words;
  EXPECT_EQ(warned(
                12000, [](int64_t step) { return collapsed(step); }, &words),
            (std::vector<int64_t>{110, 1100, 11000}));
  EXPECT_NE(words.find("collapsed"), std::string::npos);
  EXPECT_NE(words.find("stop-gradient"), std::string::npos);
  EXPECT_NE(words.find("1.000"), std::string::npos) << words;
}

TEST(CollapseWatch, TellsALearningRateFromAMissingStopGradient) {
  std::string words;
  const auto contrastive = [](int64_t step) {
    LoggedSigns line = collapsed(step);
    line.random_guess_loss = line.loss = 6.2;
    return line;
  };
  EXPECT_EQ(warned(200, contrastive, &words), (std::vector<int64_t>{110}));
  EXPECT_NE(words.find("optimizer.learning_rate"), std::string::npos);
  EXPECT_EQ(words.find("stop-gradient"), std::string::npos);
}

TEST(CollapseWatch, WaitsForARunThatSpreads) {
  // Cosines of 0.996 that fall, 5 % more spread a line.
  const auto spreading = [](int64_t step) {
    LoggedSigns line =
        collapsed(step, std::min(0.9, 0.06 * std::pow(1.05, static_cast<double>(step) / 10.0)));
    line.signs.effective_rank = 4.0;
    return line;
  };
  EXPECT_TRUE(warned(5000, spreading).empty());
  // The same spread that wavers around where it was is a collapse.
  const auto wavering = [](int64_t step) { return collapsed(step, step % 20 == 0 ? 0.07 : 0.06); };
  EXPECT_EQ(warned(200, wavering), (std::vector<int64_t>{110}));
}

TEST(CollapseWatch, GivesAnUntrainedNetworkTime) {
  CollapseWatch watch;
  for (int64_t step = 1; step <= 1000; step += 9) EXPECT_EQ(watch.look(collapsed(step)), "");
  EXPECT_NE(watch.look(collapsed(1001)), "");
}

TEST(CollapseWatch, ForgetsASingleBadLine) {
  const auto now_and_then = [](int64_t step) {
    return step % 50 == 0 ? collapsed(step) : healthy(step);
  };
  EXPECT_TRUE(warned(5000, now_and_then).empty());
}

TEST(CollapseWatch, SeesOneDirectionAmongMany) {
  std::string words;
  const auto flat = [](int64_t step) {
    LoggedSigns line = healthy(step);
    line.signs.effective_rank = 1.2;
    return line;
  };
  EXPECT_EQ(warned(200, flat, &words), (std::vector<int64_t>{110}));
  EXPECT_NE(words.find("1.20 of 128"), std::string::npos) << words;
  const auto narrow = [&flat](int64_t step) {
    LoggedSigns line = flat(step);
    line.largest_rank = 4;  // where a rank of 1.2 is no wonder
    return line;
  };
  EXPECT_TRUE(warned(1000, narrow).empty());
}

TEST(CollapseWatch, SeesALossThatStaysAtGuessing) {
  std::string words;
  const auto stuck = [](int64_t step) {
    LoggedSigns line = healthy(step);
    line.loss = 6.18;
    return line;
  };
  EXPECT_EQ(warned(800, stuck, &words), (std::vector<int64_t>{510}));
  EXPECT_NE(words.find("not learning"), std::string::npos);
  const auto slow = [](int64_t step) {
    LoggedSigns line = healthy(step);
    line.loss = step < 150 ? 6.2 : 6.0;  // 3 % below
    return line;
  };
  EXPECT_TRUE(warned(5000, slow).empty());
  const auto no_level = [](int64_t step) {
    LoggedSigns line = healthy(step);
    line.random_guess_loss = 0.0;
    return line;
  };
  EXPECT_TRUE(warned(5000, no_level).empty());
}

// A run that is stopped every few hundred steps is warned like one that is not.
TEST(CollapseWatch, ARunThatGoesOnIsNoUntrainedOne) {
  const auto steps_to_warning = [](int64_t start) {
    CollapseWatch watch(start);
    for (int64_t step = start + 10; step < start + 3000; step += 10) {
      LoggedSigns line;
      line.step = step;
      line.loss = 0.1;
      line.signs.embedding_std = 0.01;
      line.signs.effective_rank = 1.0;
      line.largest_rank = 64;
      if (!watch.look(line).empty()) return step - start;
    }
    return int64_t{-1};
  };
  EXPECT_GT(steps_to_warning(500), 0);
  EXPECT_LT(steps_to_warning(500), steps_to_warning(0));
}

}  // namespace
}  // namespace nearfar
