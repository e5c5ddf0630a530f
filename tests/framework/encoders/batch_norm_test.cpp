// BatchNorm on one rank against its definition in plain loops, finite differences and its own laws.
#include "framework/encoders/batch_norm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "framework/encoders/rows_per_image.h"
#include "tests/framework/encoders/module_tensors.h"

namespace nearfar {
namespace {

// float64 sums of a few dozen terms of size 1 lie within some 1e-15 of each other.
constexpr double kTolerance = 1e-12;

struct Statistics {
  double mean = 0.0;
  double var = 0.0;  // biased
  double count = 0.0;
};

// Of rows [begin, end) of channel c of an [N, C, H, W] tensor, by the definition.
Statistics statistics(const at::Tensor& input, int64_t begin, int64_t end, int64_t c) {
  const auto values = input.accessor<double, 4>();
  Statistics result;
  const auto each = [&](auto visit) {
    for (int64_t n = begin; n < end; ++n) {
      for (int64_t h = 0; h < input.size(2); ++h) {
        for (int64_t w = 0; w < input.size(3); ++w) visit(values[n][c][h][w]);
      }
    }
  };
  each([&](double) { result.count += 1.0; });
  each([&](double value) { result.mean += value / result.count; });
  each([&](double value) { result.var += std::pow(value - result.mean, 2) / result.count; });
  return result;
}

std::shared_ptr<BatchNorm> make_norm(int64_t channels, const NormPlan& plan,
                                     const BatchNormOptions& options = {}) {
  auto norm = std::make_shared<BatchNorm>(channels, plan, options);
  to_double(*norm);
  const at::NoGradGuard no_grad;
  if (options.scale) parameter(*norm, "weight").copy_(waves({channels}, 0.3) + 1.5);
  if (options.shift) parameter(*norm, "bias").copy_(waves({channels}, 0.7));
  return norm;
}

NormPlan groups_of(int64_t norm_batch) {
  NormPlan plan;
  plan.norm_batch = norm_batch;
  return plan;
}

NormPlan piece_plan(int64_t norm_batch, const Shard& piece) {
  NormPlan plan = groups_of(norm_batch);
  plan.piece = std::make_shared<const Shard>(piece);
  return plan;
}

TEST(BatchNorm, EqualsTheDefinitionGroupByGroup) {
  // 10 rows in groups of 4, 4 and 2.
  const at::Tensor input = waves({10, 3, 2, 3}, 0.1) * 2.0 + 0.5;
  const auto norm = make_norm(3, groups_of(4));
  const at::Tensor output = norm->forward(input);
  norm->move_running_statistics();
  for (int64_t c = 0; c < 3; ++c) {
    const double weight = parameter(*norm, "weight")[c].item<double>();
    const double bias = parameter(*norm, "bias")[c].item<double>();
    double mean_of_means = 0.0, mean_of_vars = 0.0;
    for (int64_t begin = 0; begin < 10; begin += 4) {
      const int64_t end = std::min<int64_t>(begin + 4, 10);
      const Statistics group = statistics(input, begin, end, c);
      mean_of_means += group.mean / 3.0;
      mean_of_vars += group.var * group.count / (group.count - 1.0) / 3.0;
      const at::Tensor rows = input.narrow(0, begin, end - begin).select(1, c);
      const at::Tensor expected = (rows - group.mean) / std::sqrt(group.var + 1e-5) * weight + bias;
      const at::Tensor got = output.narrow(0, begin, end - begin).select(1, c);
      EXPECT_LT(worst_difference(got, expected), kTolerance);
    }
    EXPECT_NEAR(buffer(*norm, "running_mean")[c].item<double>(), 0.1 * mean_of_means, kTolerance);
    EXPECT_NEAR(buffer(*norm, "running_var")[c].item<double>(), 0.9 + 0.1 * mean_of_vars,
                kTolerance);
  }
}

TEST(BatchNorm, EvaluationUsesTheRunningStatistics) {
  const auto norm = make_norm(2, groups_of(0));
  const at::NoGradGuard no_grad;
  buffer(*norm, "running_mean").copy_(at::tensor({0.5, -1.0}, at::kDouble));
  buffer(*norm, "running_var").copy_(at::tensor({4.0, 0.25}, at::kDouble));
  norm->eval();
  const at::Tensor input = waves({1, 2}, 0.0);  // one row: no statistics to be had from it
  const at::Tensor mean = at::tensor({0.5, -1.0}, at::kDouble);
  const at::Tensor std = at::tensor({std::sqrt(4.0 + 1e-5), std::sqrt(0.25 + 1e-5)}, at::kDouble);
  const at::Tensor expected =
      (input - mean) / std * parameter(*norm, "weight") + parameter(*norm, "bias");
  EXPECT_LT(worst_difference(norm->forward(input), expected), kTolerance);
  norm->move_running_statistics();
  EXPECT_EQ(buffer(*norm, "num_batches_tracked").item<int64_t>(), 0);
}

TEST(BatchNorm, GroupsEqualSeparateNorms) {
  const at::Tensor data = waves({9, 4}, 0.2);
  const at::Tensor direction = waves({9, 4}, 1.9);
  const at::Tensor whole = data.clone().requires_grad_(true);
  const at::Tensor parts = data.clone().requires_grad_(true);
  const auto grouped = make_norm(4, groups_of(3));
  const auto separate = make_norm(4, groups_of(0));
  (grouped->forward(whole) * direction).sum().backward();
  for (int64_t begin = 0; begin < 9; begin += 3) {
    const at::Tensor output = separate->forward(parts.narrow(0, begin, 3));
    (output * direction.narrow(0, begin, 3)).sum().backward();
  }
  EXPECT_LT(worst_difference(whole.grad(), parts.grad()), kTolerance);
  for (const char* name : {"weight", "bias"}) {
    EXPECT_LT(worst_difference(parameter(*grouped, name).grad(), parameter(*separate, name).grad()),
              kTolerance);
  }
}

TEST(BatchNorm, GradientEqualsFiniteDifferences) {
  // Central differences: the error is h^2 times a third derivative of a few hundreds (statistics of
  // four values) plus 1e-16 / h of rounding: below 1e-7 at h = 1e-5.
  const double h = 1e-5;
  const at::Tensor direction = waves({8, 2}, 1.1);
  const auto norm = make_norm(2, groups_of(4));
  const auto value = [&](const at::Tensor& input) {
    const at::NoGradGuard no_grad;
    return (norm->forward(input) * direction).sum().item<double>();
  };
  at::Tensor input = waves({8, 2}, 0.4).requires_grad_(true);
  (norm->forward(input) * direction).sum().backward();
  const auto check = [&](at::Tensor variable, const at::Tensor& gradient) {
    const at::NoGradGuard no_grad;
    double* entries = variable.data_ptr<double>();
    for (int64_t i = 0; i < variable.numel(); ++i) {
      const double kept = entries[i];
      entries[i] = kept + h;
      const double above = value(input);
      entries[i] = kept - h;
      const double below = value(input);
      entries[i] = kept;
      EXPECT_NEAR(gradient.view(-1)[i].item<double>(), (above - below) / (2.0 * h), 1e-7) << i;
    }
  };
  check(input, input.grad());
  check(parameter(*norm, "weight"), parameter(*norm, "weight").grad());
  check(parameter(*norm, "bias"), parameter(*norm, "bias").grad());
}

TEST(BatchNorm, RunningStatisticsMoveOnceForTwoViews) {
  const at::Tensor view1 = waves({6, 2, 2, 2}, 0.1) + 1.0;
  const at::Tensor view2 = waves({6, 2, 2, 2}, 0.8) * 3.0;
  const auto norm = make_norm(2, groups_of(0));
  norm->forward(view1);
  norm->forward(view2);
  EXPECT_EQ(buffer(*norm, "running_mean").abs().max().item<double>(), 0.0);
  norm->move_running_statistics();
  norm->move_running_statistics();  // nothing new: stays where it is
  EXPECT_EQ(buffer(*norm, "num_batches_tracked").item<int64_t>(), 1);
  for (int64_t c = 0; c < 2; ++c) {
    const Statistics a = statistics(view1, 0, 6, c);
    const Statistics b = statistics(view2, 0, 6, c);
    const double unbiased = (a.var + b.var) / 2.0 * 24.0 / 23.0;
    EXPECT_NEAR(buffer(*norm, "running_mean")[c].item<double>(), 0.1 * (a.mean + b.mean) / 2.0,
                kTolerance);
    EXPECT_NEAR(buffer(*norm, "running_var")[c].item<double>(), 0.9 + 0.1 * unbiased, kTolerance);
  }
}

TEST(BatchNorm, MicroBatchesOfWholeGroupsEqualTheBatch) {
  const at::Tensor data = waves({12, 3}, 0.2);
  const auto whole = make_norm(3, groups_of(2));
  const at::Tensor expected = whole->forward(data);
  whole->move_running_statistics();

  NormPlan plan = groups_of(2);
  const auto piece = std::make_shared<Shard>();
  plan.piece = piece;
  const auto pieces = make_norm(3, plan);
  std::vector<at::Tensor> outputs;
  for (const Shard& micro : {Shard{0, 4, 12}, Shard{4, 10, 12}, Shard{10, 12, 12}}) {
    *piece = micro;
    outputs.push_back(pieces->forward(data.slice(0, micro.begin, micro.end)));
  }
  pieces->move_running_statistics();
  EXPECT_EQ(worst_difference(at::cat(outputs), expected), 0.0);
  for (const char* name : {"running_mean", "running_var"}) {
    EXPECT_LT(worst_difference(buffer(*pieces, name), buffer(*whole, name)), kTolerance);
  }
}

TEST(BatchNorm, DroppedStatisticsLeaveNoTrace) {
  const auto norm = make_norm(2, groups_of(0));
  norm->forward(at::full({4, 2}, std::numeric_limits<double>::quiet_NaN(), at::kDouble));
  drop_pending_statistics(*norm);
  norm->move_running_statistics();
  EXPECT_EQ(buffer(*norm, "running_mean").abs().max().item<double>(), 0.0);
  EXPECT_EQ(buffer(*norm, "num_batches_tracked").item<int64_t>(), 0);
  const at::Tensor input = waves({4, 2}, 0.5);
  norm->forward(input);
  norm->move_running_statistics();
  EXPECT_LT(worst_difference(buffer(*norm, "running_mean"), 0.1 * input.mean(0)), kTolerance);
}

TEST(BatchNorm, OptionsDecideWhatIsLearned) {
  const auto bare = make_norm(2, groups_of(0), {.scale = false, .shift = false});
  EXPECT_TRUE(bare->parameters().empty());
  const auto scaled = make_norm(2, groups_of(0), {.shift = false});
  EXPECT_EQ(scaled->named_parameters().keys(), std::vector<std::string>{"weight"});
  const at::Tensor input = waves({5, 2}, 0.5);
  const at::Tensor expected = bare->forward(input) * parameter(*scaled, "weight");
  EXPECT_LT(worst_difference(scaled->forward(input), expected), kTolerance);
  const auto eager = make_norm(2, groups_of(0), {.eps = 0.5, .momentum = 1.0});
  eager->forward(input);
  eager->move_running_statistics();
  EXPECT_LT(worst_difference(buffer(*eager, "running_mean"), input.mean(0)), kTolerance);
  const at::Tensor wide = (input - input.mean(0)) / (input.var(0, false) + 0.5).sqrt();
  const at::Tensor shifted = wide * parameter(*eager, "weight") + parameter(*eager, "bias");
  EXPECT_LT(worst_difference(eager->forward(input), shifted), kTolerance);
}

std::string refusal(const NormPlan& plan, const at::Tensor& input) {
  try {
    make_norm(2, plan)->forward(input);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST(BatchNorm, RefusesWhatHasNoStatistics) {
  const auto contains = [](const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  };
  EXPECT_TRUE(contains(refusal(groups_of(0), waves({1, 2}, 0.0)),
                       "Expected more than 1 value per channel when training, got [1, 2]"));
  // Nine rows in groups of four leave one alone; with more than one pixel that is enough.
  EXPECT_TRUE(contains(refusal(groups_of(4), waves({9, 2}, 0.0)), "Expected more than 1 value"));
  EXPECT_EQ(refusal(groups_of(4), waves({9, 2, 1, 2}, 0.0)), "");
  EXPECT_TRUE(contains(refusal(groups_of(0), waves({0, 2}, 0.0)), "at least one row"));
  EXPECT_TRUE(contains(refusal(groups_of(0), waves({4, 3}, 0.0)), "C = 2, got [4, 3]"));
  EXPECT_TRUE(contains(refusal(groups_of(0), waves({4, 2, 3}, 0.0)), "got [4, 2, 3]"));
  EXPECT_TRUE(contains(refusal(piece_plan(4, {2, 6, 8}), waves({4, 2}, 0.0)),
                       "expected whole groups of 4 rows, got rows [2, 6) of 8"));
  EXPECT_TRUE(contains(refusal(piece_plan(4, {0, 4, 8}), waves({3, 2}, 0.0)),
                       "expected rows [0, 4) of 8, got 3 rows"));
}

// The rows of an image, one above the other in one row, have the same statistics.
TEST(BatchNorm, CountsAllRowsOfAnImageToItsGroup) {
  constexpr int64_t kEach = 3;
  const at::Tensor tall = waves({10, 2, kEach * 2, 4}, 0.3);  // 10 images in groups of 4, 4 and 2
  const at::Tensor rows = tall.view({10, 2, kEach, 2, 4}).transpose(1, 2).reshape({30, 2, 2, 4});
  const auto norm_of_images = make_norm(2, groups_of(4)), norm = make_norm(2, groups_of(4));
  const at::Tensor expected = norm_of_images->forward(tall);
  const RowsPerImage each(kEach);
  const at::Tensor found =
      norm->forward(rows).view({10, kEach, 2, 2, 4}).transpose(1, 2).reshape({10, 2, 6, 4});
  EXPECT_LT(worst_difference(found, expected), 1e-12);
  norm_of_images->move_running_statistics();
  norm->move_running_statistics();
  for (const char* name : {"running_mean", "running_var"}) {
    EXPECT_LT(worst_difference(buffer(*norm, name), buffer(*norm_of_images, name)), 1e-12);
  }
}

TEST(BatchNorm, RefusesARowTooFewOfAnImage) {
  const RowsPerImage each(3);
  EXPECT_EQ(refusal(groups_of(0), waves({3, 2}, 0.0)), "");
  EXPECT_NE(refusal(groups_of(0), waves({8, 2}, 0.0))
                .find("expected rows [0, 2) of 2, each as 3 rows, got 8 rows"),
            std::string::npos);
  EXPECT_NE(refusal(piece_plan(4, {4, 8, 8}), waves({4, 2}, 0.0))
                .find("expected rows [4, 8) of 8, each as 3 rows, got 4 rows"),
            std::string::npos);
}

TEST(BatchNorm, KeepsChannelsLast) {
  const auto norm = make_norm(3, groups_of(2));
  const at::Tensor input = waves({6, 3, 4, 5}, 0.0).contiguous(at::MemoryFormat::ChannelsLast);
  EXPECT_TRUE(norm->forward(input).is_contiguous(at::MemoryFormat::ChannelsLast));
}

}  // namespace
}  // namespace nearfar
