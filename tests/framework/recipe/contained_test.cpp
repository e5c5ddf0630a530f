// A contained recipe is the recipe itself but for what it throws.
#include "framework/recipe/contained.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "distributed/peer_error.h"
#include "framework/encoders/layers.h"

namespace nearfar {
namespace {

/// Throws `thrown` from everything, where it is set.
class Small final : public Recipe {
 public:
  Small() {
    scale_ = register_parameter("scale", at::ones({3}));
    fixed_ = register_parameter("fixed", at::ones({2, 2}), /*requires_grad=*/false);
    queue_ = register_buffer("queue", at::zeros({4}));
    first_ = register_module("z_first", std::make_shared<Linear>(2, 3));
    second_ = register_module("a_second", std::make_shared<Linear>(3, 2, false));
  }
  std::vector<ViewPolicy> views() const override { return check(std::vector<ViewPolicy>(3)); }
  std::vector<bool> shuffled_views() const override {
    return check(std::vector<bool>{false, true, false});
  }
  Embeddings embed(const Batch&) override { return check(Embeddings{scale_}); }
  Loss loss(const Embeddings&, const Batch&) override { return check(Loss{scale_.sum(), 2.0, {}}); }
  void after_step(const Embeddings&, const Batch&) override { check(queue_ += 1); }
  void before_epoch(EpochContext&) override { check(0); }
  std::vector<Follower> followers() override {
    return check(std::vector<Follower>{{first_, second_, [this](double) { return check(0.5); }}});
  }
  std::shared_ptr<Encoder> encoder() const override { return check(nullptr); }
  void train(bool on) override {
    mode = on;
    Recipe::train(on);
  }

  std::function<void()> thrown;
  bool mode = true;

 private:
  template <typename Result>
  Result check(Result result) const {
    if (thrown) thrown();
    return result;
  }

  at::Tensor scale_, fixed_, queue_;
  std::shared_ptr<Linear> first_, second_;
};

struct Pair {
  std::shared_ptr<Small> inner = std::make_shared<Small>();
  std::shared_ptr<Recipe> outer = contained_recipe(inner, "small");
};

std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const RecipeError& error) {
    EXPECT_EQ(error.code(), ExitCode::unexpected);
    return error.what();
  }
  return "no RecipeError";
}

TEST(Contained, HasTheSameTensorsUnderTheSameNames) {
  const Pair pair;
  const auto mine = pair.inner->named_parameters(), theirs = pair.outer->named_parameters();
  ASSERT_EQ(mine.keys(), theirs.keys());
  for (size_t i = 0; i < mine.size(); ++i) {
    EXPECT_TRUE(mine[i].value().is_same(theirs[i].value()));
    EXPECT_EQ(theirs[i].value().requires_grad(), mine[i].key() != "fixed");
  }
  EXPECT_EQ(pair.inner->named_buffers().keys(), pair.outer->named_buffers().keys());
  pair.outer->after_step({}, {});
  EXPECT_EQ(pair.outer->named_buffers()["queue"].sum().item<double>(), 4.0);
}

TEST(Contained, MovesAndChangesModeAsOne) {
  const Pair pair;
  pair.outer->to(at::kDouble);
  for (const at::Tensor& parameter : pair.inner->parameters()) {
    EXPECT_EQ(parameter.scalar_type(), at::kDouble);
  }
  EXPECT_EQ(pair.outer->embed({}).front().scalar_type(), at::kDouble);
  pair.outer->eval();
  EXPECT_FALSE(pair.inner->mode);
  for (const auto& module : pair.outer->modules()) EXPECT_FALSE(module->is_training());
  pair.outer->train();
  EXPECT_TRUE(pair.inner->mode);
}

TEST(Contained, PassesOnWhatTheRecipeSays) {
  const Pair pair;
  EXPECT_EQ(pair.outer->views().size(), 3u);
  EXPECT_EQ(pair.outer->shuffled_views(), (std::vector<bool>{false, true, false}));
  EXPECT_EQ(pair.outer->loss({}, {}).random_guess, 2.0);
  EXPECT_EQ(pair.outer->followers().front().momentum(0.0), 0.5);
  EXPECT_EQ(pair.outer->parameter_groups().size(), pair.inner->parameter_groups().size());
}

TEST(Contained, NamesRecipeFunctionAndCause) {
  const Pair pair;
  const auto momentum = pair.outer->followers().front().momentum;
  pair.inner->thrown = [] { throw std::out_of_range("row 7 of 5\nbacktrace"); };
  const Recipe& constant = *pair.outer;
  EXPECT_EQ(error_of([&] { constant.views(); }), "recipe small: views: row 7 of 5");
  EXPECT_EQ(error_of([&] { constant.shuffled_views(); }),
            "recipe small: shuffled_views: row 7 of 5");
  EXPECT_EQ(error_of([&] { pair.outer->embed({}); }), "recipe small: embed: row 7 of 5");
  EXPECT_EQ(error_of([&] { pair.outer->loss({}, {}); }), "recipe small: loss: row 7 of 5");
  EXPECT_EQ(error_of([&] { pair.outer->after_step({}, {}); }),
            "recipe small: after_step: row 7 of 5");
  EXPECT_EQ(error_of([&] { pair.outer->followers(); }), "recipe small: followers: row 7 of 5");
  EXPECT_EQ(error_of([&] { momentum(0.0); }), "recipe small: followers: momentum: row 7 of 5");
  EXPECT_EQ(error_of([&] { pair.outer->parameter_groups(); }),
            "recipe small: parameter_groups: row 7 of 5");
  EXPECT_EQ(error_of([&] { constant.encoder(); }), "recipe small: encoder: row 7 of 5");
}

TEST(Contained, KeepsWhatSaysByItsTypeWhatWentWrong) {
  const Pair pair;
  const auto views = [&pair] { pair.outer->views(); };
  pair.inner->thrown = [] { throw 42; };
  EXPECT_NE(error_of(views).find(
                "views: threw something that is not an exception of the standard library"),
            std::string::npos);
  pair.inner->thrown = [] { TORCH_CHECK(false, "expected 3, got ", 4); };
  EXPECT_EQ(error_of(views), "recipe small: views: expected 3, got 4");
  pair.inner->thrown = [] { throw ConfigError("recipe.width"); };
  EXPECT_THROW(views(), ConfigError);
  pair.inner->thrown = [] { throw DivergedError("NaN"); };
  EXPECT_THROW(views(), DivergedError);
  pair.inner->thrown = [] { throw PeerError("rank 1 of 2"); };
  EXPECT_THROW(views(), PeerError);
  pair.inner->thrown = [] { throw std::bad_alloc(); };
  EXPECT_THROW(views(), std::bad_alloc);
  pair.inner->thrown = [] { TORCH_CHECK_WITH(OutOfMemoryError, false, "on the device"); };
  EXPECT_THROW(views(), c10::OutOfMemoryError);
}

}  // namespace
}  // namespace nearfar
