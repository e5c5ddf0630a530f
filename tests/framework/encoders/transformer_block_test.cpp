// Transformer blocks against their definition in plain loops, finite differences, and dropped
// paths.
#include "framework/encoders/transformer_block.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>

#include "tests/framework/encoders/module_tensors.h"

namespace nearfar {
namespace {

constexpr int64_t kWidth = 6, kHeads = 2, kTokens = 5, kImages = 2;
using Row = std::vector<double>;
using Rows = std::vector<Row>;  // the tokens of one image

Random stream(uint64_t item) { return {7, 0, item, Purpose::recipe}; }

/// A float64 block whose weights are waves, so that nothing is 0 or 1.
std::shared_ptr<TransformerBlock> make_block(double drop_path = 0.0, const NormPlan& plan = {}) {
  auto block = std::make_shared<TransformerBlock>(kWidth, kHeads, drop_path, plan);
  to_double(*block);
  const at::NoGradGuard no_grad;
  double phase = 0.0;
  for (at::Tensor& tensor : block->parameters()) tensor.copy_(waves(tensor.sizes(), phase += 0.7));
  return block;
}

Row affine(const TransformerBlock& block, const std::string& layer, const Row& input) {
  const auto weight = parameter(block, layer + ".weight").contiguous();
  const at::Tensor bias = parameter(block, layer + ".bias");
  Row output;
  for (int64_t o = 0; o < weight.size(0); ++o) {
    double sum = bias[o].item<double>();
    for (size_t i = 0; i < input.size(); ++i) {
      sum += weight[o][static_cast<int64_t>(i)].item<double>() * input[i];
    }
    output.push_back(sum);
  }
  return output;
}

Row norm(const TransformerBlock& block, const std::string& layer, const Row& input) {
  double mean = 0.0, variance = 0.0;
  for (const double value : input) mean += value / static_cast<double>(input.size());
  for (const double value : input) {
    variance += (value - mean) * (value - mean) / static_cast<double>(input.size());
  }
  Row output;
  for (size_t i = 0; i < input.size(); ++i) {
    const auto at = static_cast<int64_t>(i);
    output.push_back((input[i] - mean) / std::sqrt(variance + 1e-6) *
                         parameter(block, layer + ".weight")[at].item<double>() +
                     parameter(block, layer + ".bias")[at].item<double>());
  }
  return output;
}

/// softmax(q k^T / sqrt(d)) v, head by head; a token's qkv is query, key, value, each head by head.
Rows attend(const Rows& qkv) {
  constexpr int64_t kSize = kWidth / kHeads;
  Rows mixed(qkv.size(), Row(kWidth, 0.0));
  for (int64_t head = 0; head < kHeads; ++head) {
    for (size_t t = 0; t < qkv.size(); ++t) {
      Row weights;
      double total = 0.0;
      for (const Row& other : qkv) {
        double product = 0.0;
        for (int64_t i = head * kSize; i < (head + 1) * kSize; ++i) {
          product += qkv[t][i] * other[kWidth + i];
        }
        weights.push_back(std::exp(product / std::sqrt(static_cast<double>(kSize))));
        total += weights.back();
      }
      for (size_t s = 0; s < qkv.size(); ++s) {
        for (int64_t i = head * kSize; i < (head + 1) * kSize; ++i) {
          mixed[t][i] += weights[s] / total * qkv[s][2 * kWidth + i];
        }
      }
    }
  }
  return mixed;
}

double gelu(double x) { return 0.5 * x * (1.0 + std::erf(x / std::sqrt(2.0))); }

Rows by_definition(const TransformerBlock& block, Rows tokens) {
  Rows qkv;
  for (const Row& token : tokens) {
    qkv.push_back(affine(block, "attn.qkv", norm(block, "norm1", token)));
  }
  const Rows mixed = attend(qkv);
  for (size_t t = 0; t < tokens.size(); ++t) {
    const Row branch = affine(block, "attn.proj", mixed[t]);
    for (int64_t i = 0; i < kWidth; ++i) tokens[t][i] += branch[i];
    Row hidden = affine(block, "mlp.fc1", norm(block, "norm2", tokens[t]));
    for (double& value : hidden) value = gelu(value);
    const Row second = affine(block, "mlp.fc2", hidden);
    for (int64_t i = 0; i < kWidth; ++i) tokens[t][i] += second[i];
  }
  return tokens;
}

TEST(TransformerBlock, EqualsItsDefinitionInLoops) {
  const auto block = make_block();
  const at::Tensor input = waves({kImages, kTokens, kWidth}, 0.3);
  Random random = stream(1);
  const at::Tensor output = block->forward(input, random);
  for (int64_t n = 0; n < kImages; ++n) {
    Rows tokens(kTokens, Row(kWidth));
    for (int64_t t = 0; t < kTokens; ++t) {
      for (int64_t i = 0; i < kWidth; ++i) tokens[t][i] = input[n][t][i].item<double>();
    }
    tokens = by_definition(*block, tokens);
    for (int64_t t = 0; t < kTokens; ++t) {
      for (int64_t i = 0; i < kWidth; ++i) {
        // float64 sums of a few dozen terms below 10.
        EXPECT_NEAR(output[n][t][i].item<double>(), tokens[t][i], 1e-12);
      }
    }
  }
}

TEST(TransformerBlock, GradientEqualsFiniteDifferences) {
  const auto block = make_block();
  at::Tensor input = waves({kImages, kTokens, kWidth}, 0.3).requires_grad_(true);
  const at::Tensor direction = waves({kImages, kTokens, kWidth}, 1.1);
  const auto value = [&] {
    const at::NoGradGuard no_grad;
    Random random = stream(1);
    return (block->forward(input, random) * direction).sum().item<double>();
  };
  Random random = stream(1);
  (block->forward(input, random) * direction).sum().backward();
  std::vector<at::Tensor> variables = block->parameters();
  variables.push_back(input);
  for (at::Tensor& variable : variables) {
    const at::Tensor gradient = variable.grad().contiguous();
    const at::NoGradGuard no_grad;
    double* entries = variable.data_ptr<double>();
    for (int64_t i = 0; i < variable.numel(); i += 7) {
      constexpr double kStep = 1e-5;
      const double kept = entries[i];
      entries[i] = kept + kStep;
      const double above = value();
      entries[i] = kept - kStep;
      const double below = value();
      entries[i] = kept;
      // Central differences: kStep^2 times third derivatives of some hundreds, and 1e-14 / kStep
      // of rounding.
      EXPECT_NEAR(gradient.data_ptr<double>()[i], (above - below) / (2.0 * kStep), 2e-7);
    }
  }
}

TEST(TransformerBlock, BothBranchesAreLeftOutByDrawsOfTheirOwn) {
  constexpr int64_t kRows = 4000;
  constexpr double kRate = 0.3;
  const auto block = make_block(kRate);
  const at::Tensor input = waves({1, 1, kWidth}, 0.3).expand({kRows, 1, kWidth});
  const at::NoGradGuard no_grad;
  Random random = stream(2);
  const at::Tensor change = (block->forward(input, random) - input).abs().amax({1, 2});
  // Images are equal: what they become tells which branches were kept.
  const double both = (change == 0).to(at::kDouble).mean().item<double>();
  EXPECT_NEAR(both, kRate * kRate, 5.0 * std::sqrt(kRate * kRate / kRows));
  const auto kinds = std::get<0>(at::unique_dim((change * 1e6).round(), 0));
  EXPECT_EQ(kinds.size(0), 4);  // none, the first, the second, both
  block->eval();
  EXPECT_EQ(std::get<0>(at::unique_dim((block->forward(input, random) * 1e6).round(), 0)).size(0),
            1);
}

}  // namespace
}  // namespace nearfar
