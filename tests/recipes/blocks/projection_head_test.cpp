// The projection head against its layers written out, and the choices of its config.
#include "recipes/blocks/projection_head.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>

#include "tests/framework/encoders/module_tensors.h"

namespace nearfar {
namespace {

using Names = std::vector<std::string>;

TEST(ProjectionHead, NamesAndShapesOfSimClr) {
  const ProjectionHead head(6, {}, {});
  EXPECT_EQ(head.named_parameters().keys(),
            (Names{"linear1.weight", "bn1.weight", "bn1.bias", "linear2.weight", "bn2.weight"}));
  EXPECT_EQ(parameter(head, "linear1.weight").sizes(), (std::vector<int64_t>{6, 6}));
  EXPECT_EQ(parameter(head, "linear2.weight").sizes(), (std::vector<int64_t>{128, 6}));
}

TEST(ProjectionHead, LayersHiddenAndWidthAreSet) {
  const ProjectionHead head(6, {.layers = 3, .hidden = 10, .width = 4}, {});
  EXPECT_EQ(parameter(head, "linear1.weight").sizes(), (std::vector<int64_t>{10, 6}));
  EXPECT_EQ(parameter(head, "linear2.weight").sizes(), (std::vector<int64_t>{10, 10}));
  EXPECT_EQ(parameter(head, "linear3.weight").sizes(), (std::vector<int64_t>{4, 10}));
  const ProjectionHead linear(6, {.layers = 1, .width = 4}, {});
  EXPECT_EQ(linear.named_parameters().keys(), (Names{"linear1.weight", "bn1.weight"}));
  const ProjectionHead moco(6, {.hidden = 5, .batch_norm = false}, {});
  EXPECT_EQ(moco.named_parameters().keys(),
            (Names{"linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias"}));
}

TEST(ProjectionHead, TheLastNormIsChosen) {
  const ProjectionHead plain(6, {.last_norm = "plain"}, {});
  EXPECT_EQ(plain.named_parameters().keys(),
            (Names{"linear1.weight", "bn1.weight", "bn1.bias", "linear2.weight"}));
  EXPECT_TRUE(plain.named_buffers().contains("bn2.running_mean"));
  const ProjectionHead none(6, {.last_norm = "none"}, {});
  EXPECT_EQ(none.named_parameters().keys(), plain.named_parameters().keys());
  EXPECT_FALSE(none.named_buffers().contains("bn2.running_mean"));
}

TEST(ProjectionHead, IsAsWideAsItsInputWhereAsked) {
  const ProjectionHead head(6, {.hidden = 10, .width = 0}, {});
  EXPECT_EQ(head.width(), 6);
  EXPECT_EQ(parameter(head, "linear2.weight").sizes(), (std::vector<int64_t>{6, 10}));
}

at::Tensor normalized(const at::Tensor& x) {
  return (x - x.mean(0)) / (x.var(0, /*unbiased=*/false) + 1e-5).sqrt();
}

TEST(ProjectionHead, IsLinearNormReluLinearNorm) {
  at::manual_seed(7);
  ProjectionHead head(5, {.hidden = 4, .width = 3, .weight_std = 0.5}, {});
  to_double(head);
  double phase = 0.0;
  for (at::Tensor& tensor : head.parameters()) {
    const at::NoGradGuard no_grad;
    tensor.copy_(waves(tensor.sizes(), phase += 1.0));
  }
  const at::Tensor features = waves({7, 5}, 0.3);
  const at::Tensor hidden = normalized(features.mm(parameter(head, "linear1.weight").t())) *
                                parameter(head, "bn1.weight") +
                            parameter(head, "bn1.bias");
  const at::Tensor expected =
      normalized(hidden.clamp_min(0.0).mm(parameter(head, "linear2.weight").t())) *
      parameter(head, "bn2.weight");
  // float64 through two layers of a handful of terms.
  EXPECT_LT(worst_difference(head.forward(features), expected), 1e-11);
}

TEST(ProjectionHead, EndsInThePlainNormOrTheLinearLayer) {
  ProjectionHead plain(5, {.layers = 1, .width = 3, .last_norm = "plain"}, {});
  ProjectionHead none(5, {.layers = 1, .width = 3, .last_norm = "none"}, {});
  const at::Tensor features = waves({7, 5}, 0.3);
  for (ProjectionHead* head : {&plain, &none}) to_double(*head);
  const auto product = [&](const ProjectionHead& head) {
    return features.mm(parameter(head, "linear1.weight").t());
  };
  // Weights of 0.01: the variance is small, and dividing by it loses digits.
  EXPECT_LT(worst_difference(plain.forward(features), normalized(product(plain))), 1e-11);
  EXPECT_LT(worst_difference(none.forward(features), product(none)), 1e-16);
}

TEST(ProjectionHead, WithoutNormsBiasesAndReluRemain) {
  ProjectionHead head(5, {.hidden = 4, .width = 3, .batch_norm = false, .weight_std = 0.0}, {});
  to_double(head);
  const at::Tensor features = waves({7, 5}, 0.3);
  const at::Tensor hidden =
      features.mm(parameter(head, "linear1.weight").t()) + parameter(head, "linear1.bias");
  const at::Tensor expected = hidden.clamp_min(0.0).mm(parameter(head, "linear2.weight").t()) +
                              parameter(head, "linear2.bias");
  EXPECT_LT(worst_difference(head.forward(features), expected), 1e-14);
}

TEST(ProjectionHead, StartsWithTheAskedStandardDeviation) {
  // 40,000 normal draws: the mean square has a relative standard error of 0.7 %; five are allowed.
  at::manual_seed(8);
  const auto square = [](double weight_std) {
    const ProjectionHead head(200, {.weight_std = weight_std}, {});
    return parameter(head, "linear1.weight").to(at::kDouble).square().mean().item<double>();
  };
  EXPECT_NEAR(square(0.01) / 1e-4, 1.0, 0.035);
  // LibTorch's start: uniform in +-1/sqrt(200), variance 1/600; five standard errors are 2.3 %.
  EXPECT_NEAR(square(0.0) * 600.0, 1.0, 0.023);
}

}  // namespace
}  // namespace nearfar
