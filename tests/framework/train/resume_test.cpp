// A run that is saved and continued equals one never stopped, to the bit; and what would break that
// is seen.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "framework/checkpoint/generations.h"
#include "framework/checkpoint/tensors.h"
#include "framework/error.h"
#include "framework/files/file_system.h"
#include "framework/train/pretrain.h"
#include "tests/framework/files/temporary_folder.h"
#include "tests/paths.h"

namespace nearfar {
namespace {

namespace fs = std::filesystem;

/// 96 gray images of 16 x 16 as an idx file.
void write_images(const fs::path& folder) {
  fs::create_directories(folder);
  std::ofstream file(folder / "train-images-idx3-ubyte", std::ios::binary);
  const unsigned char head[16] = {0, 0, 8, 3, 0, 0, 0, 96, 0, 0, 0, 16, 0, 0, 0, 16};
  file.write(reinterpret_cast<const char*>(head), 16);
  Random random(5, 0, 0, Purpose::split);
  for (int i = 0; i < 96 * 16 * 16; ++i) file.put(static_cast<char>(random.below(256)));
}

class ResumedRun : public testing::Test {
 protected:
  void SetUp() override { write_images(folder_ / "data"); }

  /// Trains in OUT up to step 12, or goes on with what is there.
  PretrainResult train(const std::string& out, const std::vector<std::string>& more = {}) {
    RunSources sources;
    sources.environment = false;
    sources.assignments = {"recipe.name=simclr",
                           "data.path=" + (folder_ / "data").string(),
                           "encoder.name=tiny",
                           "encoder.width=4",
                           "train.batch=24",
                           "train.steps=12",
                           "train.checkpoint_every=5",
                           "train.keep=1000",
                           "recipe.view.size=16",
                           "recipe.view.blur=0",
                           "recipe.projection.width=8",
                           "threads=1",
                           "schedule.warmup_epochs=1",
                           "train.log_every=1"};
    sources.assignments.insert(sources.assignments.end(), more.begin(), more.end());
    PretrainOptions options;
    options.out = (folder_ / out).string();
    ProgressOptions quiet;
    quiet.quiet = true;
    ProgressBar progress(2, quiet);
    Log log;
    return pretrain(sources, options, progress, log);
  }

  /// OUT as it was when step 5 had been saved and nothing after it.
  fs::path stopped_after_step_5(const std::string& out) {
    fs::copy(folder_ / "whole", folder_ / out, fs::copy_options::recursive);
    for (const char* name : {"checkpoints/gen-10", "checkpoints/gen-12", "encoder.safetensors"}) {
      fs::remove_all(folder_ / out / name);
    }
    return folder_ / out;
  }

  std::vector<uint8_t> result(const std::string& out,
                              const std::string& name = "encoder.safetensors") {
    return read_file((folder_ / out / name).string());
  }

  const TemporaryFolder temporary_;
  const fs::path folder_ = temporary_.path();
};

TEST_F(ResumedRun, WritesAResultThatAloneIsMissing) {
  train("whole");
  const std::vector<uint8_t> expected = result("whole");
  fs::remove(folder_ / "whole/encoder.safetensors");
  EXPECT_EQ(train("whole").step, 12);
  EXPECT_EQ(result("whole"), expected);
}

TEST_F(ResumedRun, EndsWithTheSameBits) {
  train("whole");
  stopped_after_step_5("continued");
  const PretrainResult second = train("continued");
  EXPECT_EQ(second.step, 12);
  EXPECT_EQ(result("continued"), result("whole"));
  for (const char* name :
       {"checkpoints/gen-12/model.safetensors", "checkpoints/gen-12/optimizer.safetensors"}) {
    EXPECT_EQ(result("continued", name), result("whole", name)) << name;
  }
}

TEST_F(ResumedRun, EndsWithTheSameBitsForEveryOptimizer) {
  const std::vector<std::vector<std::string>> settings = {
      {"optimizer.name=lars", "optimizer.lars_convention=clip", "optimizer.eta=0.02",
       "optimizer.clip_gradient=3"},
      {"optimizer.name=adamw", "optimizer.learning_rate=0.01", "optimizer.weight_decay=0.04",
       "schedule.final_weight_decay=0.4", "schedule.name=cosine_dino", "schedule.final_rate=0.001",
       "optimizer.clip_gradient=3", "optimizer.clip_by=parameter"}};
  for (const std::vector<std::string>& chosen : settings) {
    train("whole", chosen);
    stopped_after_step_5("continued");
    EXPECT_EQ(train("continued", chosen).step, 12);
    EXPECT_EQ(result("continued"), result("whole")) << chosen.front();
    train("plain");
    EXPECT_NE(result("plain"), result("whole")) << chosen.front();
    for (const char* out : {"whole", "continued", "plain"}) fs::remove_all(folder_ / out);
  }
}

// The mutant of a run that forgets its momentum: were it not seen here, the test above would prove
// nothing.
TEST_F(ResumedRun, WithoutItsMomentumEndsElsewhere) {
  train("whole");
  const fs::path forgetful = stopped_after_step_5("forgetful");
  const fs::path saved = forgetful / "checkpoints/gen-5";
  const Generation generation = load_generation(saved.string());
  NamedTensors optimizer = to_tensors(read_safetensors((saved / "optimizer.safetensors").string()));
  for (auto& [name, tensor] : optimizer) {
    if (name.rfind("momentum.", 0) == 0) tensor.zero_();
  }
  std::vector<GenerationFile> contents = {{"optimizer.safetensors", encode_tensors(optimizer)}};
  for (const char* name : {"model.safetensors", "encoder.safetensors"}) {
    contents.emplace_back(name, read_file((saved / name).string()));
  }
  fs::remove_all(saved);
  save_generation(real_file_system(), (forgetful / "checkpoints").string(), 5, generation.state,
                  contents, 2);
  train("forgetful");
  EXPECT_NE(result("forgetful", "checkpoints/gen-12/model.safetensors"),
            result("whole", "checkpoints/gen-12/model.safetensors"));
}

// The mutant of a wrong key for the random numbers: another seed behind the same checkpoint.
TEST_F(ResumedRun, WithAnotherRandomKeyEndsElsewhere) {
  train("whole");
  const fs::path other = stopped_after_step_5("other");
  Json config = parse_json(read_text((other / "config.json").string()), "config.json");
  config["train"]["seed"] = 1;
  std::ofstream(other / "config.json") << to_text(config);
  train("other");
  EXPECT_NE(result("other", "checkpoints/gen-12/model.safetensors"),
            result("whole", "checkpoints/gen-12/model.safetensors"));
}

TEST_F(ResumedRun, RefusesASettingThatCannotChange) {
  train("whole");
  stopped_after_step_5("changed");
  try {
    train("changed", {"recipe.temperature=0.5", "train.keep=7"});
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_NE(std::string(error.what()).find("another recipe.temperature,"), std::string::npos)
        << error.what();
  }
}

TEST_F(ResumedRun, TakesSettingsThatChangeNoResult) {
  train("whole");
  stopped_after_step_5("continued");
  train("continued", {"data.workers=3", "train.keep=7", "train.checkpoint_every=2"});
  EXPECT_EQ(result("continued", "checkpoints/gen-12/model.safetensors"),
            result("whole", "checkpoints/gen-12/model.safetensors"));
}

TEST_F(ResumedRun, SaysWhenItIsFinished) {
  train("whole");
  EXPECT_TRUE(train("whole").already_finished);
}

TEST_F(ResumedRun, RefusesDataOfAnotherSize) {
  train("whole");
  stopped_after_step_5("other");
  std::ofstream file(folder_ / "data/train-images-idx3-ubyte",
                     std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(7);
  file.put(95);
  file.close();
  fs::resize_file(folder_ / "data/train-images-idx3-ubyte", 16 + 95 * 256);
  EXPECT_THROW(train("other", {"train.batch=24"}), Error);
}

TEST_F(ResumedRun, ADivergedOneKeepsItsLastCheckpoint) {
  train("whole");
  EXPECT_THROW(train("diverged", {"optimizer.learning_rate=1e3", "recipe.temperature=0.001",
                                  "recipe.projection.batch_norm=false", "optimizer.scaling=none",
                                  "optimizer.weight_decay=10", "train.checkpoint_every=1"}),
               DivergedError);
  Log log;
  const auto last = newest_generation((folder_ / "diverged/checkpoints").string(), log);
  ASSERT_TRUE(last.has_value());
  for (const auto& [name, tensor] :
       to_tensors(read_safetensors(last->path + "/model.safetensors"))) {
    EXPECT_TRUE(tensor.isfinite().all().item<bool>()) << name;
  }
}

}  // namespace
}  // namespace nearfar
