// BatchNorm's law: W ranks equal one rank, whether groups lie inside ranks, span them, or cut them.
#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "distributed/thread_group.h"
#include "framework/encoders/batch_norm.h"
#include "framework/encoders/rows_per_image.h"
#include "tests/framework/encoders/module_tensors.h"

namespace nearfar {
namespace {

// Both sides are float64 and differ by the order of sums of about a hundred terms of size 1.
constexpr double kTolerance = 1e-10;
constexpr int64_t kChannels = 3;

using Tensors = std::map<std::string, at::Tensor>;

/// Two BatchNorms in a row, so that gradients pass through the statistics of one into the other.
class TwoNorms : public torch::nn::Module {
 public:
  explicit TwoNorms(const NormPlan& plan)
      : first_(register_module("first", std::make_shared<BatchNorm>(kChannels, plan))),
        second_(register_module("second", std::make_shared<BatchNorm>(kChannels, plan))) {
    to_double(*this);
    const at::NoGradGuard no_grad;
    double phase = 0.0;
    for (at::Tensor& tensor : parameters()) tensor.copy_(waves({kChannels}, phase += 0.9) + 0.4);
  }
  at::Tensor forward(const at::Tensor& input) {
    return second_->forward(at::tanh(first_->forward(input)));
  }

 private:
  std::shared_ptr<BatchNorm> first_, second_;
};

struct World {
  int64_t rows = 0;
  int64_t norm_batch = 0;
  bool images = false;
  int64_t each = 1;  // rows that stand for one

  /// Rows [begin, end).
  at::Tensor view(double phase, const Shard& piece) const {
    const int64_t all = rows * each;
    return (images ? waves({all, kChannels, 2, 2}, phase) : waves({all, kChannels}, phase))
        .slice(0, piece.begin * each, piece.end * each)
        .clone();
  }
};

/// Two views through the norms on one rank's piece: outputs, gradients of inputs, parameters and
/// running statistics after one step.
Tensors step(const World& world, const NormPlan& plan, const Shard& piece) {
  const RowsPerImage each(world.each);
  TwoNorms norms(plan);
  Tensors results;
  at::Tensor loss = at::zeros({}, at::kDouble);
  std::vector<at::Tensor> inputs;
  for (const int view : {1, 2}) {
    const at::Tensor input = world.view(view, piece);
    inputs.push_back(input.requires_grad_(true));
    const at::Tensor output = norms.forward(input);
    const at::Tensor direction = world.view(view + 0.5, piece);
    loss = loss + (output * direction).sum();
    results["rows.output" + std::to_string(view)] = output.detach();
  }
  loss.backward();
  move_running_statistics(norms);
  results["rows.grad1"] = inputs[0].grad();
  results["rows.grad2"] = inputs[1].grad();
  for (const auto& item : norms.named_parameters()) {
    results["sum." + item.key()] = item.value().grad();
  }
  for (const auto& item : norms.named_buffers()) results["same." + item.key()] = item.value();
  return results;
}

void expect_ranks_equal_one(const World& world, int ranks) {
  NormPlan alone;
  alone.norm_batch = world.norm_batch;
  const Tensors expected = step(world, alone, {0, world.rows, world.rows});
  std::vector<Tensors> results(ranks);
  run_ranks(ranks, [&](Group& group) {
    const Shard piece = shard(world.rows, ranks, group.rank());
    NormPlan plan{world.norm_batch, &group, std::make_shared<const Shard>(piece)};
    results[group.rank()] = step(world, plan, piece);
  });
  for (const auto& [name, value] : expected) {
    std::vector<at::Tensor> parts;
    for (const Tensors& result : results) parts.push_back(result.at(name));
    SCOPED_TRACE(name + ", " + std::to_string(ranks) + " ranks, " + std::to_string(world.rows) +
                 " rows in groups of " + std::to_string(world.norm_batch));
    if (name.starts_with("rows.")) {
      EXPECT_LT(worst_difference(at::cat(parts), value), kTolerance);
    } else if (name.starts_with("sum.")) {
      EXPECT_LT(worst_difference(at::stack(parts).sum(0), value), kTolerance);
    } else {
      for (const at::Tensor& part : parts) EXPECT_LT(worst_difference(part, value), kTolerance);
      for (const at::Tensor& part : parts) EXPECT_TRUE(part.equal(parts.front()));
    }
  }
}

TEST(BatchNormRanks, GroupsInsideRanks) {
  for (const int ranks : {1, 2, 3, 4}) {
    expect_ranks_equal_one({.rows = 24, .norm_batch = 2}, ranks);
    expect_ranks_equal_one({.rows = 24, .norm_batch = 6, .images = true}, ranks);
  }
}

TEST(BatchNormRanks, TheGlobalBatchIsOneGroup) {
  for (const int ranks : {1, 2, 3, 4}) {
    expect_ranks_equal_one({.rows = 12, .norm_batch = 0}, ranks);
    expect_ranks_equal_one({.rows = 12, .norm_batch = 12, .images = true}, ranks);
  }
}

TEST(BatchNormRanks, GroupsOfSeveralRanks) {
  expect_ranks_equal_one({.rows = 16, .norm_batch = 8}, 4);
  expect_ranks_equal_one({.rows = 16, .norm_batch = 8, .images = true}, 4);
}

TEST(BatchNormRanks, UnevenRanksAndGroupsThatCutThem) {
  for (const int ranks : {2, 3, 4}) {
    expect_ranks_equal_one({.rows = 11, .norm_batch = 0}, ranks);
    expect_ranks_equal_one({.rows = 11, .norm_batch = 4, .images = true}, ranks);
    expect_ranks_equal_one({.rows = 14, .norm_batch = 3}, ranks);
  }
}

TEST(BatchNormRanks, ImagesOfSeveralRows) {
  for (const int ranks : {2, 3, 4}) {
    expect_ranks_equal_one({.rows = 12, .norm_batch = 3, .each = 5}, ranks);
    expect_ranks_equal_one({.rows = 11, .norm_batch = 0, .each = 3}, ranks);
    expect_ranks_equal_one({.rows = 11, .norm_batch = 4, .images = true, .each = 2}, ranks);
  }
}

std::string refusal(int ranks, const std::function<void(Group&)>& body) {
  try {
    run_ranks(ranks, body);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST(BatchNormRanks, RefuseWhatWouldNotBeTheGlobalBatch) {
  const auto forward = [](Group& group, int64_t norm_batch, std::shared_ptr<Shard> piece,
                          int64_t rows) {
    BatchNorm(2, NormPlan{norm_batch, &group, piece}).forward(at::ones({rows, 2}));
  };
  const std::string no_piece = refusal(2, [&](Group& group) { forward(group, 0, nullptr, 4); });
  EXPECT_NE(no_piece.find("expected NormPlan::piece"), std::string::npos) << no_piece;
  const std::string micro = refusal(2, [&](Group& group) {
    const int64_t begin = 4 * group.rank();
    forward(group, 8, std::make_shared<Shard>(Shard{begin, begin + 2, 8}), 2);
  });
  EXPECT_NE(micro.find("because groups of 8 rows span ranks"), std::string::npos) << micro;
  const std::string empty = refusal(3, [&](Group& group) {
    const Shard piece = shard(2, 3, group.rank());
    forward(group, 0, std::make_shared<Shard>(piece), piece.size());
  });
  EXPECT_NE(empty.find("at least one row on each of 3 ranks"), std::string::npos) << empty;
}

}  // namespace
}  // namespace nearfar
