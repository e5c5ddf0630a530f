// The self-test over ranks passes for right recipes and groups, and names what is wrong with
// others.
#include "framework/train/rank_self_test.h"

#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "distributed/thread_group.h"
#include "framework/config/settings.h"
#include "framework/error.h"
#include "framework/recipe/library.h"
#include "framework/train/miniature.h"
#include "tests/distributed/broken_groups.h"

namespace nearfar {
namespace {

DatasetInfo three_classes() {
  DatasetInfo data;
  data.class_names = {"a", "b", "c"};
  data.size = 1000;
  return data;
}

RunConfig config_of(const std::string& recipe, const std::vector<std::string>& settings = {}) {
  RunConfig config = make_run_config(*open_recipe(recipe).plugin);
  Settings chosen;
  for (const std::string& setting : settings) chosen.add_assignment(setting, "test");
  chosen.apply([&](Fields& field) { config.describe(field); });
  return config;
}

/// The message of the short form's error, or nothing.
std::string refusal(const RunConfig& config, Group& group) {
  try {
    check_gradient_over_ranks(config, three_classes(), group);
  } catch (const EnvironmentError& error) {
    return error.what();
  }
  return "";
}

class BuiltInRecipe : public testing::TestWithParam<std::string> {};

TEST_P(BuiltInRecipe, HasTheGradientOfOneRankOnAnyNumber) {
  const RunConfig config = config_of(GetParam(), {"encoder.drop_path=0.3"});
  for (int ranks : {1, 2, 3, 4}) {
    run_ranks(ranks, [&](Group& group) {
      for (const SelfTestBatch& batch : all_self_tests(ranks)) {
        const GradientDifference worst =
            compare_with_one_rank(config, three_classes(), group, batch);
        EXPECT_LE(worst.difference, kLargestSelfTestDifference)
            << worst.parameter << ", " << ranks << " ranks, " << batch.name;
      }
      EXPECT_EQ(refusal(config, group), "");
    });
  }
}

INSTANTIATE_TEST_SUITE_P(Recipes, BuiltInRecipe,
                         testing::Values("simclr", "supervised", "metric", "moco", "mocov3", "cpc"),
                         [](const auto& info) { return info.param; });

TEST(RankSelfTest, NamesWhatABrokenTransportMakesWrong) {
  const RunConfig config = config_of("simclr");
  for (const Backward backward : {Backward::identity, Backward::averaged_sums}) {
    run_ranks(2, [&](Group& threads) {
      GroupWithBackward group(threads, backward);
      const std::string message = refusal(config, group);
      for (const char* part : {"self-test: recipe simclr: rank ", " of 2: the gradient of encoder.",
                               "expected ", "found ", "what connects these ranks is at fault"}) {
        EXPECT_NE(message.find(part), std::string::npos) << message;
      }
    });
  }
}

TEST(RankSelfTest, AcceptsTheRightBackward) {
  const RunConfig config = config_of("simclr");
  run_ranks(2, [&](Group& threads) {
    GroupWithBackward group(threads, Backward::sum);
    EXPECT_EQ(refusal(config, group), "");
  });
}

/// Divides a sum as an average over ranks would.
class WrongOnOneRank final : public ForwardingGroup {
 public:
  using ForwardingGroup::ForwardingGroup;
  at::Tensor all_sum(const at::Tensor& mine) override {
    const at::Tensor sum = inner().all_sum(mine);
    return rank() == 1 ? sum * 1.001 : sum;
  }
};

TEST(RankSelfTest, AllRanksHearOfWhatOneRankFinds) {
  const RunConfig config = config_of("supervised");
  run_ranks(2, [&](Group& threads) {
    WrongOnOneRank group(threads);
    EXPECT_NE(refusal(config, group).find("rank 1 of 2"), std::string::npos);
  });
}

struct QueueConfig {
  int64_t length = 65536;
  double least = 0.0;
  void describe(auto& field) {
    field("length", length, int64_t{1}, int64_t{1} << 20, "of the queue");
    field("least", least, 0.0, 1e6, "what the length must not fall below");
  }
};

/// Mistakes its own images for all: its spread over the batch is that of a rank.
class LocalRecipe final : public Recipe {
 public:
  LocalRecipe(const QueueConfig& config, const Setup& setup) {
    if (static_cast<double>(config.length) < config.least) throw ConfigError("too short a queue");
    encoder_ = register_module("encoder", setup.make_encoder(8));
    register_buffer("queue", at::zeros({config.length, 2}));
  }
  std::vector<ViewPolicy> views() const override { return {ViewPolicy{}}; }
  Embeddings embed(const Batch& batch) override {
    Random random = batch.random;
    return {encoder_->forward(batch.views[0], random)};
  }
  Loss loss(const Embeddings& embeddings, const Batch&) override {
    return {embeddings[0].var(0).sum(), 0.0, {}};
  }
  std::shared_ptr<Encoder> encoder() const override { return encoder_; }

 private:
  std::shared_ptr<Encoder> encoder_;
};

RunConfig local_config(double least) {
  static const RecipePlugin plugin =
      make_recipe_plugin<LocalRecipe, QueueConfig>("local", "for tests", "none");
  RunConfig config = make_run_config(plugin);
  static_cast<QueueConfig*>(config.recipe.config.get())->least = least;
  return config;
}

TEST(RankSelfTest, NamesARecipeThatForgetsTheOtherRanks) {
  const RunConfig config = local_config(0.0);
  run_ranks(2, [&](Group& group) {
    const std::string message = refusal(config, group);
    EXPECT_NE(message.find("recipe local"), std::string::npos) << message;
    EXPECT_NE(message.find("the recipe's loss or networks are at fault"), std::string::npos)
        << message;
  });
}

TEST(Miniature, BoundsWhatIsLargeUnlessTheRecipeRefuses) {
  SoloGroup group;
  for (const auto& [least, length] : {std::pair(0.0, 64), std::pair(1000.0, 65536)}) {
    const Miniature small =
        make_miniature(local_config(least), three_classes(), {.batch = 4}, group);
    EXPECT_EQ(small.recipe->buffers().front().sizes(), (at::IntArrayRef{length, 2}));
    EXPECT_EQ(small.recipe->parameters().front().scalar_type(), at::kDouble);
  }
}

TEST(Miniature, LeavesTheGeneratorAndTheSettingsAlone) {
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  const at::Tensor before = generator.get_state();
  const RunConfig config = local_config(0.0);
  SoloGroup group;
  make_miniature(config, three_classes(), {.batch = 4}, group);
  EXPECT_TRUE(generator.get_state().equal(before));
  EXPECT_EQ(static_cast<const QueueConfig*>(config.recipe.config.get())->length, 65536);
}

}  // namespace
}  // namespace nearfar
