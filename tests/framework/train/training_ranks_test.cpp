// A training over ranks: the same numbers as one rank, the same decisions and errors on all of
// them.
#include <gtest/gtest.h>

#include "distributed/forwarding_group.h"
#include "framework/error.h"
#include "framework/files/file_system.h"
#include "framework/train/module_state.h"
#include "tests/framework/files/temporary_folder.h"
#include "tests/framework/train/ranked_training.h"

namespace nearfar {
namespace {

/// Losses, norms and parameters of three steps.
struct Course {
  std::vector<double> numbers;
  NamedTensors state;
};

Course three_steps(const RunConfig& config, Group& group) {
  const auto training = ranked_training(config, group);
  Course course;
  for (int64_t step = 0; step < 3; ++step) {
    const StepReport report = training->train_step(ranked_batch(config, step, group));
    course.numbers.insert(course.numbers.end(), {report.loss(), report.gradient_norm()});
  }
  course.state = module_state(training->recipe());
  return course;
}

void expect_equal(const Course& course, const Course& expected) {
  for (size_t i = 0; i < expected.numbers.size(); ++i) {
    EXPECT_NEAR(course.numbers[i], expected.numbers[i], 1e-10 * std::abs(expected.numbers[i]));
  }
  for (size_t i = 0; i < expected.state.size(); ++i) {
    const at::Tensor& value = expected.state[i].second;
    const double scale = std::max(1e-3, value.abs().max().item<double>());
    EXPECT_LT((course.state[i].second - value).abs().max().item<double>(), 1e-10 * scale)
        << expected.state[i].first;
  }
}

void expect_ranks_equal_one(RunConfig config, const std::vector<int>& ranks,
                            int64_t micro_batch = 0) {
  SoloGroup solo;
  const Course expected = three_steps(config, solo);
  config.train.micro_batch = micro_batch;
  for (const int count : ranks) {
    run_ranks(count, [&](Group& group) { expect_equal(three_steps(config, group), expected); });
  }
}

TEST(TrainingRanks, EqualOneRank) { expect_ranks_equal_one(ranked_config(), {1, 2, 3, 4}); }

TEST(TrainingRanks, EqualOneRankWithUnevenShards) {
  RunConfig config = ranked_config();
  config.train.batch = 11;
  config.encoder.norm_batch = 11;
  expect_ranks_equal_one(config, {2, 3, 4});
}

TEST(TrainingRanks, EqualOneRankInUnlikeNumbersOfPieces) {
  expect_ranks_equal_one(ranked_config(), {1, 2, 4}, /*micro_batch=*/4);
  // Three and two pieces; two, two and one.
  RunConfig config = ranked_config();
  config.train.batch = 5;
  config.encoder.norm_batch = 1;
  expect_ranks_equal_one(config, {2, 3}, /*micro_batch=*/1);
}

TEST(TrainingRanks, ComeCloseInBfloat16) {
  RunConfig config = ranked_config();
  SoloGroup solo;
  const Course expected = three_steps(config, solo);
  config.train.wire = "bf16";
  run_ranks(2, [&](Group& group) {
    const Course course = three_steps(config, group);
    // The first norm: each gradient within (ranks + 1) half units in the last of 8 bits.
    EXPECT_NEAR(course.numbers[1], expected.numbers[1], 3.0 / 512 * expected.numbers[1]);
    EXPECT_GT(std::abs(course.numbers[1] - expected.numbers[1]), 1e-9 * expected.numbers[1]);
  });
}

TEST(TrainingRanks, StartWithTheWeightsOfRankZero) {
  run_ranks(3, [](Group& group) {
    const RunConfig config = ranked_config();
    const auto training = ranked_training(config, group, /*seed=*/5 + group.rank());
    SoloGroup solo;
    const auto expected = ranked_training(config, solo, /*seed=*/5);
    EXPECT_EQ(encode_tensors(module_state(training->recipe())),
              encode_tensors(module_state(expected->recipe())));
  });
}

/// A group that notes the step that it is told.
class StepGroup final : public ForwardingGroup {
 public:
  using ForwardingGroup::ForwardingGroup;
  void set_step(int64_t step) override { told = step; }
  int64_t told = -1;
};

TEST(TrainingRanks, TellTheGroupTheStepFromOne) {
  SoloGroup solo;
  StepGroup group(solo);
  const RunConfig config = ranked_config();
  const auto training = ranked_training(config, group);
  EXPECT_EQ(group.told, -1);
  for (int64_t step = 1; step <= 2; ++step) {
    training->train_step(ranked_batch(config, step, group));
    EXPECT_EQ(group.told, step);
  }
}

/// What each rank's `body` throws as an Error.
template <typename Body>
std::vector<std::string> errors_of(int ranks, const Body& body) {
  std::vector<std::string> errors(static_cast<size_t>(ranks));
  run_ranks(ranks, [&](Group& group) {
    try {
      body(group);
    } catch (const Error& error) {
      errors[static_cast<size_t>(group.rank())] =
          std::to_string(static_cast<int>(error.code())) + ": " + error.what();
    }
  });
  return errors;
}

TEST(TrainingRanks, NameAParameterThatOneRankDoesNotUse) {
  for (const int64_t micro_batch : {0, 4}) {
    RunConfig config = ranked_config(/*missing_on=*/1);
    config.train.micro_batch = micro_batch;
    const auto errors = errors_of(2, [&config](Group& group) {
      const auto training = ranked_training(config, group);
      const auto before = training->save();
      try {
        training->train_step(ranked_batch(config, 0, group));
      } catch (const ConfigError&) {
        EXPECT_EQ(training->save(), before);
        throw;
      }
    });
    EXPECT_EQ(
        errors[0],
        "2: step 1: the loss does not depend on bias on 1 of 2 ranks; expected a gradient for "
        "every parameter of the recipe. train.unused_parameters=allow takes zero for it");
    EXPECT_EQ(errors[1], errors[0]);
  }
}

TEST(TrainingRanks, NameUnusedParametersOfOneRankAndALateReadStep) {
  const RunConfig config = ranked_config(/*missing_on=*/0);
  SoloGroup solo;
  const auto training = ranked_training(config, solo, 3, FiniteFlag::Reading::late);
  EXPECT_NO_THROW(training->train_step(ranked_batch(config, 0, solo)));
  try {
    training->train_step(ranked_batch(config, 1, solo));
    FAIL() << "expected a ConfigError";
  } catch (const ConfigError& error) {
    EXPECT_NE(std::string(error.what()).find("step 1: the loss does not depend on bias;"),
              std::string::npos)
        << error.what();
  }
}

TEST(TrainingRanks, TakeZeroForUnusedParametersWhereAllowed) {
  RunConfig config = ranked_config(/*missing_on=*/1);
  config.train.unused_parameters = "allow";
  run_ranks(2, [&config](Group& group) {
    const auto training = ranked_training(config, group);
    training->train_step(ranked_batch(config, 0, group));
    const at::Tensor gradient = training->recipe().named_parameters()["bias"].grad();
    EXPECT_GT(gradient.abs().max().item<double>(), 0.0);
    EXPECT_EQ(training->step(), 1);
  });
}

TEST(TrainingRanks, AgreeToStopWhereOneWantsTo) {
  for (const auto reading : {FiniteFlag::Reading::at_once, FiniteFlag::Reading::late}) {
    run_ranks(3, [reading](Group& group) {
      const RunConfig config = ranked_config();
      const auto training = ranked_training(config, group, 3, reading);
      const int64_t known_after = reading == FiniteFlag::Reading::late ? 3 : 2;
      for (int64_t step = 1; step <= 3; ++step) {
        training->train_step(ranked_batch(config, step, group), step == 2 && group.rank() == 1);
        // Waiting for the device tells this rank of failures, not of votes.
        if (group.rank() == 0) training->settle();
        EXPECT_EQ(training->stop_agreed(), step >= known_after) << "step " << step;
      }
    });
  }
}

TEST(TrainingRanks, FindAWeightThatIsOffByOneUlp) {
  RunConfig config = ranked_config();
  config.train.check_ranks = 2;
  const auto errors = errors_of(3, [&config](Group& group) {
    const auto training = ranked_training(config, group);
    training->train_step(ranked_batch(config, 0, group));
    if (group.rank() == 1) {
      const at::NoGradGuard no_grad;
      double* value = training->recipe().named_parameters()["weight"].data_ptr<double>();
      *value = std::nextafter(*value, 2.0 * *value);
    }
    training->train_step(ranked_batch(config, 1, group));
  });
  for (const std::string& error : errors) {
    EXPECT_NE(error.find("4: after step 2: expected the same state on all ranks, found that"),
              std::string::npos)
        << error;
    EXPECT_NE(error.find("weight of rank 1 differs from ranks 0, 2"), std::string::npos) << error;
  }
}

TEST(TrainingRanks, FindOptimiserStateThatDiffers) {
  RunConfig config = ranked_config();
  config.train.check_ranks = 1;
  const auto errors = errors_of(2, [&config](Group& group) {
    const TemporaryFolder folder;
    const auto training = ranked_training(config, group);
    training->train_step(ranked_batch(config, 0, group));
    for (const auto& [name, bytes] : training->save()) {
      std::vector<uint8_t> copy = bytes;
      if (group.rank() == 1 && name == "optimizer.safetensors") copy.back() ^= 1;
      replace_file(real_file_system(), folder / name, copy.data(), copy.size());
    }
    Generation generation;
    generation.path = folder.path();
    generation.step = 1;
    training->load(generation);
  });
  for (const std::string& error : errors) {
    EXPECT_NE(error.find("4: after step 1: expected the same state"), std::string::npos) << error;
    EXPECT_NE(error.find(" of rank 1 differs from rank 0 (1 of "), std::string::npos) << error;
  }
}

}  // namespace
}  // namespace nearfar
