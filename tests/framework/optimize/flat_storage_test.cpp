// Flat storage: the module goes on with the flat parameters, and backward with the flat gradients.
#include "framework/optimize/flat_storage.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <map>
#include <stdexcept>

#include "tests/framework/optimize/small_recipe.h"

namespace nearfar {
namespace {

bool lies_in(const at::Tensor& part, const at::Tensor& flat) {
  const auto address = reinterpret_cast<uintptr_t>(part.data_ptr());
  const auto begin = reinterpret_cast<uintptr_t>(flat.data_ptr());
  return address >= begin && address < begin + flat.nbytes();
}

TEST(FlatStorage, KeepsValuesAndTheModulesOwnTensors) {
  SmallRecipe untouched, recipe;
  FlatStorage storage(recipe.parameter_groups());
  const auto expected = untouched.named_parameters();
  for (const auto& item : recipe.named_parameters()) {
    EXPECT_TRUE(item.value().equal(expected[item.key()])) << item.key();
    if (item.key().starts_with("target.")) continue;
    EXPECT_TRUE(lies_in(item.value(), storage.parameters())) << item.key();
    EXPECT_TRUE(item.value().requires_grad());
    EXPECT_TRUE(item.value().is_leaf());
  }
  EXPECT_TRUE(lies_in(recipe.network->conv, storage.parameters()));  // the member, not a copy
}

TEST(FlatStorage, LaysFourDimensionalWeightsChannelsLast) {
  SmallRecipe recipe;
  FlatStorage storage(recipe.parameter_groups());
  EXPECT_EQ(recipe.network->conv.strides(), at::IntArrayRef({8, 1, 4, 2}));
  EXPECT_TRUE(recipe.network->conv.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_EQ(recipe.network->conv.grad().strides(), recipe.network->conv.strides());
}

TEST(FlatStorage, BackwardAccumulatesInPlaceAndEqualsOrdinaryParameters) {
  for (at::ScalarType type : {at::kFloat, at::kDouble}) {
    SmallRecipe ordinary(type), recipe(type);
    FlatStorage storage(recipe.parameter_groups());
    for (int backward = 1; backward <= 3; ++backward) {
      ordinary.accumulate_gradients();
      recipe.accumulate_gradients();
      const auto expected = ordinary.named_parameters();
      for (const auto& [name, gradient] : storage.named_views(storage.gradients())) {
        const at::Tensor parameter = recipe.named_parameters()[name];
        EXPECT_EQ(parameter.grad().data_ptr(), gradient.data_ptr()) << name;
        // The layout of the weight may choose another kernel: a few last bits.
        EXPECT_TRUE(gradient.allclose(expected[name].grad(), type == at::kFloat ? 1e-5 : 1e-13))
            << name << " after " << backward;
        EXPECT_GT(gradient.abs().max().item<double>(), 0.01) << name;
      }
    }
    storage.zero_gradients();
    EXPECT_EQ(recipe.head.grad().abs().max().item<double>(), 0.0);
    recipe.accumulate_gradients();
    EXPECT_TRUE(lies_in(recipe.head.grad(), storage.gradients()));
  }
}

TEST(FlatStorage, GroupsAreAlignedRangesWithZeroGaps) {
  SmallRecipe recipe(at::kFloat);
  FlatStorage storage(recipe.parameter_groups());
  recipe.accumulate_gradients();
  EXPECT_EQ(storage.range(0).begin, 0);
  EXPECT_EQ(storage.range(1).begin, storage.range(0).end);
  EXPECT_EQ(storage.range(1).end, storage.parameters().numel());
  double inside = 0.0;
  for (const auto& [name, parameter] : recipe.named_parameters().pairs()) {
    if (name.starts_with("target.")) continue;
    const FlatStorage::Range range = storage.range_of(name);
    EXPECT_EQ(range.begin % 16, 0) << name;  // 64 bytes of float32
    EXPECT_EQ(range.end - range.begin, parameter.numel()) << name;
    inside += parameter.grad().abs().sum().item<double>();
  }
  // Float32 sums of 42 terms, in two orders.
  EXPECT_NEAR(storage.gradients().abs().sum().item<double>(), inside, 1e-5 * inside);
  EXPECT_THROW(storage.range_of("target.conv"), std::out_of_range);
}

TEST(FlatStorage, NamesWhatLiesInOtherFlatTensors) {
  SmallRecipe recipe;
  FlatStorage storage(recipe.parameter_groups());
  const at::Tensor flat = storage.zeros_like_parameters();
  for (const auto& [name, view] : storage.named_views(flat)) {
    EXPECT_EQ(view.sizes(), recipe.named_parameters()[name].sizes());
    view.fill_(1.0);
  }
  EXPECT_EQ(flat.sum().item<double>(), 24 + 15 + 3);
}

TEST(FlatStorage, MayBeEmpty) {
  FlatStorage storage({});
  storage.zero_gradients();
  EXPECT_EQ(storage.parameters().numel(), 0);
  EXPECT_TRUE(storage.named_views(storage.parameters()).empty());
}

TEST(FlatStorage, RefusesRepeatedAndUnlikeParameters) {
  const auto of = [](const std::string& name, const at::Tensor& tensor) {
    return ParameterGroup{.name = name, .parameters = {{name, tensor}}, .fixed_rate = {}};
  };
  const at::Tensor a = at::zeros({2}), b = at::zeros({2}), wide = at::zeros({2}, at::kDouble);
  const auto error_of = [](std::vector<ParameterGroup> groups) -> std::string {
    try {
      FlatStorage storage(std::move(groups));
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(error_of({of("a", a), of("b", a)}),
            "FlatStorage: parameter \"b\": expected in one group once, found twice");
  EXPECT_EQ(error_of({of("a", a), of("a", b)}),
            "FlatStorage: parameter \"a\": expected in one group once, found twice");
  EXPECT_EQ(error_of({of("a", a), of("w", wide)}),
            "FlatStorage: parameter \"w\": expected Float on cpu like the first parameter, got "
            "Double on cpu");
}

}  // namespace
}  // namespace nearfar
