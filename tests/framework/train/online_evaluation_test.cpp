// Judging while a run trains leaves the run as it would have been, to the bit.
#include "framework/train/online_evaluation.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "framework/checkpoint/tensors.h"
#include "framework/error.h"
#include "framework/files/file_system.h"
#include "framework/log/json_lines.h"
#include "framework/train/pretrain.h"
#include "tests/framework/files/temporary_folder.h"

namespace nearfar {
namespace {

namespace fs = std::filesystem;

constexpr int kImages = 96;

/// Gray images of 16 x 16 in four classes that differ in brightness, as idx files.
void write_data(const fs::path& folder, bool labels) {
  fs::create_directories(folder);
  std::ofstream images(folder / "train-images-idx3-ubyte", std::ios::binary);
  const unsigned char head[16] = {0, 0, 8, 3, 0, 0, 0, kImages, 0, 0, 0, 16, 0, 0, 0, 16};
  images.write(reinterpret_cast<const char*>(head), sizeof head);
  Random random(5, 0, 0, Purpose::split);
  for (int i = 0; i < kImages * 16 * 16; ++i) {
    images.put(static_cast<char>(random.below(100) + i / 256 % 4 * 50));
  }
  if (!labels) return;
  std::ofstream classes(folder / "train-labels-idx1-ubyte", std::ios::binary);
  classes.write(reinterpret_cast<const char*>("\0\0\x08\x01\0\0\0\x60"), 8);
  for (int i = 0; i < kImages; ++i) classes.put(static_cast<char>(i % 4));
}

/// Runs of three epochs of four steps.
class JudgedRun : public testing::Test {
 protected:
  void SetUp() override { write_data(folder_ / "data", /*labels=*/true); }

  void train(const std::string& out, const std::vector<std::string>& more = {}) {
    RunSources sources;
    sources.environment = false;
    sources.assignments = {"recipe.name=simclr",
                           "data.path=" + (folder_ / "data").string(),
                           "encoder.name=tiny",
                           "encoder.width=4",
                           "train.batch=24",
                           "train.steps=12",
                           "data.test_fraction=0",
                           "train.checkpoint_every=5",
                           "train.keep=1000",
                           "recipe.view.size=16",
                           "recipe.view.blur=0",
                           "recipe.projection.width=8",
                           "threads=1"};
    sources.assignments.insert(sources.assignments.end(), more.begin(), more.end());
    PretrainOptions options;
    options.out = (folder_ / out).string();
    ProgressOptions quiet;
    quiet.quiet = true;
    ProgressBar progress(2, quiet);
    Log log([this](Level, const std::string& message) { said_ += message + "\n"; });
    pretrain(sources, options, progress, log);
  }

  /// OUT as it was when step 5 had been saved, killed in step 7 or so.
  void stop_after_step_5(const std::string& whole, const std::string& out) {
    fs::copy(folder_ / whole, folder_ / out, fs::copy_options::recursive);
    for (const char* name : {"checkpoints/gen-10", "checkpoints/gen-12", "encoder.safetensors"}) {
      fs::remove_all(folder_ / out / name);
    }
  }

  /// Every checkpoint of two runs: the same bytes of all tensors, the optimiser's included.
  void expect_same_bits(const std::string& a, const std::string& b) {
    for (const char* step : {"5", "10", "12"}) {
      for (const char* name : {"model.safetensors", "optimizer.safetensors"}) {
        const std::string file = std::string("checkpoints/gen-") + step + "/" + name;
        EXPECT_EQ(read_file((folder_ / a / file).string()),
                  read_file((folder_ / b / file).string()))
            << file;
      }
    }
  }

  /// "online_linear" by step.
  std::map<int64_t, double> found(const std::string& out) {
    std::map<int64_t, double> result;
    for (const Json& line : read_json_lines((folder_ / out / "log.jsonl").string())) {
      if (line.find("online_linear") == nullptr) continue;
      EXPECT_TRUE(
          result.emplace(line.at("step").as_int(), line.at("online_linear").as_double()).second)
          << "judged twice at one step";
      EXPECT_GE(line.at("online_knn").as_double(), 0.0);
      EXPECT_GT(line.at("online_seconds").as_double(), 0.0);
    }
    return result;
  }

  const TemporaryFolder temporary_;
  const fs::path folder_ = temporary_.path();
  std::string said_;
};

TEST_F(JudgedRun, EndsWithTheBitsOfOneThatWasNot) {
  train("plain");
  EXPECT_TRUE(found("plain").empty());
  train("judged", {"evaluate.every=1", "data.workers=2"});
  expect_same_bits("judged", "plain");
  const auto judged = found("judged");
  ASSERT_EQ(judged.size(), 3u);
  EXPECT_EQ(judged.begin()->first, 4);
  EXPECT_EQ(judged.rbegin()->first, 12);
  // Four classes of their own brightness each: far above chance, 0.25.
  EXPECT_GT(judged.at(12), 0.5);
  EXPECT_NE(said_.find("76 others; the test set stays unseen"), std::string::npos) << said_;
  EXPECT_NE(said_.find("epoch 3: online_knn "), std::string::npos) << said_;
  EXPECT_TRUE(fs::exists(folder_ / "judged/curves.svg"));
}

TEST_F(JudgedRun, ContinuesToTheSameBitsAndFindings) {
  train("whole", {"evaluate.every=1"});
  stop_after_step_5("whole", "continued");
  train("continued");  // its own config asks for the judging
  expect_same_bits("continued", "whole");
  EXPECT_EQ(found("continued"), found("whole"));
}

TEST_F(JudgedRun, MayBeginAndEndInMidRun) {
  train("plain");
  stop_after_step_5("plain", "begun");
  train("begun",
        {"evaluate.every=2", "evaluate.online.methods=knn,linear", "evaluate.online.images=40"});
  expect_same_bits("begun", "plain");
  EXPECT_EQ(found("begun").size(), 2u);  // epoch 2, and the end
  stop_after_step_5("begun", "ended");
  train("ended", {"evaluate.every=0"});
  expect_same_bits("ended", "plain");
  EXPECT_TRUE(found("ended").empty());
}

TEST_F(JudgedRun, GoesOnWhereJudgingFails) {
  train("out", {"evaluate.every=1", "evaluate.linear.l2_strongest=1e-9"});
  EXPECT_TRUE(found("out").empty());
  EXPECT_NE(said_.find("online evaluation: linear probe: expected l2_strongest >= l2_weakest"),
            std::string::npos)
      << said_;
  EXPECT_EQ(said_.find("Exception raised from"), std::string::npos) << said_;
  EXPECT_TRUE(fs::exists(folder_ / "out/encoder.safetensors"));
}

TEST_F(JudgedRun, NeedsLabels) {
  write_data(folder_ / "bare", /*labels=*/false);
  const std::string bare = "data.path=" + (folder_ / "bare").string();
  try {
    train("out", {bare, "evaluate.every=1"});
    FAIL() << "expected ConfigError";
  } catch (const ConfigError& error) {
    EXPECT_EQ(std::string(error.what()),
              "evaluate.every: " + (folder_ / "bare").string() +
                  " has no labels to judge by while training; expected at least two classes, or "
                  "evaluate.every=0");
  }
  EXPECT_FALSE(fs::exists(folder_ / "out"));
  train("out", {bare});
}

}  // namespace
}  // namespace nearfar
