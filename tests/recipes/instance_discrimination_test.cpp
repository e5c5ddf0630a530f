// Instance discrimination as a recipe: one bank on any number of ranks, whole or in pieces, after
// many steps and after a restart; Z that stays.
#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>

#include "distributed/thread_group.h"
#include "framework/files/file_system.h"
#include "framework/losses/npid.h"
#include "framework/train/module_state.h"
#include "framework/train/training.h"
#include "tests/framework/files/temporary_folder.h"
#include "tests/framework/losses/over_ranks.h"
#include "tests/recipes/bank_course.h"
#include "tests/recipes/small_recipe.h"

namespace nearfar {
namespace {

constexpr int64_t kFifty = 50;
const SmallPlan kPlan{.batch = 12, .norm_batch = 12, .side = 8, .steps = kFifty, .rate = 0.01};

at::Tensor bank_after_fifty(const std::vector<std::string>& chosen, Group& group) {
  const ThreadCount one(1);
  SmallRecipe small = make_small_recipe("instance_discrimination", chosen, kPlan, group);
  for (const auto& [name, value] : train_small(small, kPlan, kFifty, 0, group)) {
    if (name == "bank.rows") return value;
  }
  return {};
}

// Fifty steps of float64 amplify the rounding of sums in another order; a row has length one.
TEST(InstanceDiscrimination, BanksAreTheSameOnAllRanksAfterFiftySteps) {
  for (const int64_t noise : {0, 16}) {
    SoloGroup solo;
    const at::Tensor expected = bank_after_fifty(bank_settings(noise, false), solo);
    // The images of the batches are the first twelve; the others keep their start.
    EXPECT_LT((expected.narrow(0, 0, 12).norm(2, 1) - 1.0).abs().max().item<double>(), 1e-12);
    EXPECT_GT((expected.narrow(0, 12, 12).norm(2, 1) - 1.0).abs().max().item<double>(), 0.01);
    for (const int ranks : {1, 2, 4}) {
      for (const bool sharded : {false, true}) {
        std::vector<at::Tensor> banks(static_cast<size_t>(ranks));
        run_ranks(ranks, [&](Group& group) {
          banks[static_cast<size_t>(group.rank())] =
              bank_after_fifty(bank_settings(noise, sharded), group);
        });
        for (const at::Tensor& bank : banks) {
          EXPECT_TRUE(bank.equal(banks[0])) << ranks << " ranks";
          EXPECT_LT((bank - expected).abs().max().item<double>(), 1e-9)
              << ranks << " ranks, noise " << noise << ", sharded " << sharded;
        }
      }
    }
  }
}

void write(const std::vector<GenerationFile>& files, const TemporaryFolder& folder) {
  for (const auto& [name, bytes] : files) {
    replace_file(real_file_system(), folder / name, bytes.data(), bytes.size());
  }
}

Generation generation_in(const TemporaryFolder& folder, int64_t step) {
  Generation generation;
  generation.path = folder.path();
  generation.step = step;
  return generation;
}

/// What rank 0 saves after steps [from, to) on `ranks` ranks, from the files of `start` if given.
std::vector<GenerationFile> saved_by(const Course& course, int ranks, int64_t from, int64_t to,
                                     const std::vector<GenerationFile>& start = {}) {
  std::vector<GenerationFile> saved;
  run_ranks(ranks, [&](Group& group) {
    const ThreadCount one(1);  // of every rank, where the ranks are threads themselves
    const TemporaryFolder folder;
    const auto training = course.training(group);
    if (!start.empty()) {
      write(start, folder);
      training->load(generation_in(folder, from));
    }
    for (int64_t step = from; step < to; ++step) {
      training->train_step(Course::batch(step, group));
    }
    const std::vector<GenerationFile> files = training->save();
    if (group.rank() == 0) saved = files;
  });
  return saved;
}

TEST(InstanceDiscrimination, GoesOnFromACheckpointToTheBit) {
  for (const char* type : {"float32", "bfloat16"}) {
    for (const bool sharded : {false, true}) {
      for (const int ranks : {1, 2, 4}) {
        const Course course(bank_settings(8, sharded, type));
        const auto middle = saved_by(course, ranks, 0, 3);
        EXPECT_TRUE(saved_by(course, ranks, 3, 6, middle) == saved_by(course, ranks, 0, 6))
            << ranks << " ranks, sharded " << sharded << ", " << type;
      }
    }
  }
}

TEST(InstanceDiscrimination, ACheckpointHoldsTheWholeBankForAnyNumberOfRanks) {
  const Course whole(bank_settings(8, false)), pieces(bank_settings(8, true));
  const auto saved = saved_by(pieces, 3, 0, 4);
  for (const int ranks : {1, 2, 4, 8}) {
    for (const Course& course : {whole, pieces}) {
      EXPECT_TRUE(saved_by(course, ranks, 4, 4, saved) == saved) << ranks << " ranks";
    }
  }
}

TEST(InstanceDiscrimination, ACheckpointOfOtherImagesIsRefused) {
  const auto saved = saved_by(Course(bank_settings(8, true)), 2, 0, 1);
  const TemporaryFolder folder;
  write(saved, folder);
  SafetensorsFile file = read_safetensors(folder / "model.safetensors");
  NamedTensors tensors = to_tensors(file);
  for (auto& [name, tensor] : tensors) {
    if (name == "bank.rows") tensor = tensor.narrow(0, 0, 29);
  }
  const std::vector<uint8_t> bytes = encode_tensors(tensors);
  replace_file(real_file_system(), folder / "model.safetensors", bytes.data(), bytes.size());
  const Course course(bank_settings(8, true));
  run_ranks(2, [&](Group& group) {
    const auto training = course.training(group);
    try {
      training->load(generation_in(folder, 1));
      FAIL() << "expected a CheckpointError";
    } catch (const CheckpointError& error) {
      EXPECT_NE(
          std::string(error.what()).find("bank.rows: expected the 30 rows of all ranks, found 29"),
          std::string::npos)
          << error.what();
    }
  });
}

TEST(InstanceDiscrimination, ABankThatIsNotFiniteOnOneRankIsSavedByNone) {
  const Course course(bank_settings(8, true));
  run_ranks(2, [&](Group& group) {
    const auto training = course.training(group);
    if (group.rank() == 1) {
      const at::NoGradGuard no_grad;
      training->recipe().named_buffers()["bank.rows"][3][1] = NAN;
    }
    try {
      training->save();
      FAIL() << "expected a DivergedError";
    } catch (const DivergedError& error) {
      const std::string expected =
          group.rank() == 1 ? "bank.rows is not finite" : "a tensor of another rank is not finite";
      EXPECT_NE(std::string(error.what()).find(expected), std::string::npos) << error.what();
    }
  });
}

TEST(InstanceDiscrimination, ZIsThatOfTheFirstBatchFromThenOn) {
  for (const char* rule : {"noise", "noise_and_positive"}) {
    SoloGroup group;
    std::vector<std::string> chosen = bank_settings(8, false);
    chosen.push_back(std::string("z=") + rule);
    const Course course(chosen);
    const auto training = course.training(group);
    Recipe& recipe = training->recipe();
    const auto log_z = [&] {
      return tensor_of(module_state(recipe), "contrast.log_z").item<double>();
    };
    EXPECT_EQ(log_z(), 0.0);
    const at::Tensor bank = tensor_of(module_state(recipe), "bank.rows");
    const Batch batch = training->make_batch(Course::batch(0, group));
    const Shard all{0, Course::kImages, Course::kImages};
    double expected = 0.0;
    for (int64_t step = 0; step < 4; ++step) {
      const StepReport report = training->train_step(Course::batch(step, group));
      if (step == 0) {
        expected =
            npid_log_partition(group, report.embeddings[0], {bank, all, false}, 0.5,
                               draw_noise(batch.random, batch.shard, 8, Course::kImages),
                               rule == std::string("noise") ? PartitionScores::noise
                                                            : PartitionScores::noise_and_positive,
                               batch.shard, batch.index)
                .item<double>();
      }
      EXPECT_EQ(report.report[0].first, "log_z");
      EXPECT_EQ(report.report[0].second.item<double>(), expected) << rule << ", step " << step;
      EXPECT_EQ(log_z(), expected);
    }
    const TemporaryFolder folder;
    write(training->save(), folder);
    const auto restarted = course.training(group);
    restarted->load(generation_in(folder, 4));
    EXPECT_EQ(restarted->train_step(Course::batch(4, group)).report[0].second.item<double>(),
              expected);
  }
}

// The loss is asked again and again (gradient caching, measurements): it must move nothing.
TEST(InstanceDiscrimination, TheLossMovesNothing) {
  SoloGroup group;
  for (const std::string more : {"noise=0", "noise=16", "negatives=density"}) {
    std::vector<std::string> chosen = bank_settings(16, false);
    chosen.insert(chosen.end(), {"density.count=9", more});
    SmallRecipe small = make_small_recipe("instance_discrimination", chosen, kPlan, group);
    const Batch batch = small_batch(kPlan, 0, 1, group);
    *small.piece = batch.shard;
    const Embeddings f = small.recipe->embed(batch);
    const std::vector<at::Tensor> buffers = small.recipe->buffers();
    std::vector<at::Tensor> before;
    for (const at::Tensor& buffer : buffers) before.push_back(buffer.clone());
    const double first = small.recipe->loss(f, batch).value.item<double>();
    EXPECT_EQ(small.recipe->loss(f, batch).value.item<double>(), first);
    for (size_t i = 0; i < buffers.size(); ++i) EXPECT_TRUE(buffers[i].equal(before[i]));
  }
}

}  // namespace
}  // namespace nearfar
