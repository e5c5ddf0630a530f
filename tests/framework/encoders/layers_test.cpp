// Conv2d and Linear against plain loops; where their weights start.
#include "framework/encoders/layers.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>

#include "tests/framework/encoders/module_tensors.h"

namespace nearfar {
namespace {

TEST(Conv2d, EqualsTheSumOverItsWindow) {
  at::manual_seed(1);
  Conv2d conv({2, 3, 3, 2, 1}, /*bias=*/true);
  to_double(conv);
  const at::Tensor input = waves({2, 2, 5, 6}, 0.3);
  const at::Tensor output = conv.forward(input);
  ASSERT_EQ(output.sizes(), (std::vector<int64_t>{2, 3, 3, 3}));
  const auto x = input.accessor<double, 4>();
  const at::Tensor weight = parameter(conv, "weight").detach();
  const auto w = weight.accessor<double, 4>();
  for (int64_t o = 0; o < 3; ++o) {
    for (int64_t row = 0; row < 3; ++row) {
      for (int64_t column = 0; column < 3; ++column) {
        double sum = parameter(conv, "bias")[o].item<double>();
        for (int64_t c = 0; c < 2; ++c) {
          for (int64_t i = 0; i < 3; ++i) {
            for (int64_t j = 0; j < 3; ++j) {
              const int64_t h = 2 * row + i - 1, v = 2 * column + j - 1;
              if (h >= 0 && h < 5 && v >= 0 && v < 6) sum += x[1][c][h][v] * w[o][c][i][j];
            }
          }
        }
        // 19 float64 terms of size 1.
        EXPECT_NEAR(output[1][o][row][column].item<double>(), sum, 1e-13);
      }
    }
  }
}

TEST(Linear, IsWeightTimesInputPlusBias) {
  Linear linear(3, 2);
  to_double(linear);
  const at::Tensor input = waves({4, 3}, 0.2);
  const at::Tensor expected =
      (input.unsqueeze(1) * parameter(linear, "weight")).sum(2) + parameter(linear, "bias");
  EXPECT_LT(worst_difference(linear.forward(input), expected), 1e-14);
  EXPECT_EQ(Linear(3, 2, /*bias=*/false).named_parameters().keys(),
            std::vector<std::string>{"weight"});
}

// A uniform variable on [-b, b] has variance b^2 / 3 and fourth moment b^4 / 5; the variance's
// standard error over n draws is b^2 sqrt((1/5 - 1/9) / n) = 0.298 b^2 / sqrt(n). Five of them are
// allowed: a false alarm in 2 million seeds, and the seed is fixed.
void expect_uniform(const at::Tensor& values, double bound) {
  const auto count = static_cast<double>(values.numel());
  EXPECT_LE(values.abs().max().item<double>(), bound);
  EXPECT_GT(values.abs().max().item<double>(), bound * (1.0 - 20.0 / count));
  const double square = values.to(at::kDouble).square().mean().item<double>();
  EXPECT_NEAR(square, bound * bound / 3.0, 5.0 * 0.298 * bound * bound / std::sqrt(count));
}

TEST(Layers, StartUniformInOneOverRootFanIn) {
  at::manual_seed(2);
  expect_uniform(parameter(Conv2d({16, 32, 3, 1, 1}), "weight"), 1.0 / std::sqrt(16 * 9));
  const Linear linear(200, 300);
  expect_uniform(parameter(linear, "weight"), 1.0 / std::sqrt(200));
  expect_uniform(parameter(linear, "bias"), 1.0 / std::sqrt(200));
}

TEST(Layers, NormalStartsHaveTheirVariance) {
  // The mean square of n normal draws has a relative standard error of sqrt(2 / n); five are
  // allowed.
  at::manual_seed(3);
  Conv2d conv({16, 32, 3, 1, 1});
  conv.fill_he_normal();
  const double conv_square =
      parameter(conv, "weight").to(at::kDouble).square().mean().item<double>();
  EXPECT_NEAR(conv_square / (2.0 / (32 * 9)), 1.0, 5.0 * std::sqrt(2.0 / (16 * 32 * 9)));
  Linear linear(100, 80);
  linear.fill_normal(0.01);
  const double square = parameter(linear, "weight").to(at::kDouble).square().mean().item<double>();
  EXPECT_NEAR(square / 1e-4, 1.0, 5.0 * std::sqrt(2.0 / 8000));
  EXPECT_EQ(parameter(linear, "bias").abs().max().item<double>(), 0.0);
}

TEST(Conv2d, OfFewChannelsKeepsToItsMemory) {
  // On one thread LibTorch's own gradient corrupts the heap of processors with AVX2 alone.
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  for (const int64_t in : {1, 3, 4, 7}) {
    Conv2d conv({.in = in, .out = 8, .kernel = 1, .stride = 2});
    for (int repeat = 0; repeat < 20; ++repeat) {
      const at::Tensor images = at::arange(32 * in * 64, at::kFloat)
                                    .mul(0.37)
                                    .sin()
                                    .view({32, in, 8, 8})
                                    .contiguous(at::MemoryFormat::ChannelsLast);
      conv.zero_grad();
      const at::Tensor output = conv.forward(images);
      output.square().sum().backward();
      // The same as a matrix product over the pixels that the stride visits.
      const at::Tensor pixels = images.slice(2, 0, 8, 2).slice(3, 0, 8, 2).permute({0, 2, 3, 1});
      const at::Tensor rows = pixels.reshape({-1, in}).to(at::kDouble);
      const at::Tensor weight = conv.parameters()[0].detach().view({8, in}).to(at::kDouble);
      const at::Tensor expected = (rows.matmul(weight.t()) * 2.0).t().matmul(rows);
      const at::Tensor gradient = conv.parameters()[0].grad().view({8, in}).to(at::kDouble);
      EXPECT_LT((gradient - expected).abs().max().item<double>(),
                1e-4 * expected.abs().max().item<double>());
    }
  }
  at::set_num_threads(before);
}

}  // namespace
}  // namespace nearfar
