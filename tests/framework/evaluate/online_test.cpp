// Judging while a run trains: which images are learned from and judged, and by what.
#include "framework/evaluate/online.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "tests/framework/evaluate/synthetic.h"

namespace nearfar {
namespace {

std::vector<int64_t> values(const at::Tensor& tensor) {
  return {tensor.data_ptr<int64_t>(), tensor.data_ptr<int64_t>() + tensor.numel()};
}

/// 300 images of three classes, every tenth without a label.
at::Tensor labels_with_gaps() {
  at::Tensor label = at::arange(300, at::kLong).remainder(3);
  label.masked_fill_(at::arange(300).remainder(10) == 0, -1);
  return label;
}

TEST(OnlineSplit, IsAStratifiedSampleOfTheLabelledImages) {
  const at::Tensor label = labels_with_gaps();
  OnlineConfig config;
  config.images = 150;
  const OnlineSplit split = online_split(label, 3, config, 4);
  EXPECT_EQ(split.judged.size(0), 30);
  EXPECT_EQ(split.learned.size(0), 120);
  std::vector<int64_t> all = values(at::cat({split.learned, split.judged}));
  std::sort(all.begin(), all.end());
  EXPECT_EQ(std::unique(all.begin(), all.end()), all.end());
  const at::Tensor sampled = at::bincount(label.index_select(0, at::tensor(all, at::kLong)));
  const at::Tensor judged = at::bincount(label.index_select(0, split.judged));
  ASSERT_EQ(sampled.size(0), 3);
  for (int64_t c = 0; c < 3; ++c) {
    // Dealt in turn: a class's share of the judged images is a fifth of it, up to one image.
    EXPECT_NEAR(judged[c].item<double>(), sampled[c].item<double>() / 5.0, 1.0) << c;
  }
  EXPECT_TRUE(at::equal(split.judged, online_split(label, 3, config, 4).judged));
  EXPECT_FALSE(at::equal(split.judged, online_split(label, 3, config, 5).judged));
}

TEST(OnlineSplit, TakesAllWhereThereAreFewAndHoldsNothingOutOfOne) {
  OnlineConfig config;
  const OnlineSplit all = online_split(labels_with_gaps(), 3, config, 4);
  EXPECT_EQ(all.learned.size(0) + all.judged.size(0), 270);
  EXPECT_EQ(online_split(at::tensor({-1, 0, -1}, at::kLong), 3, config, 4).judged.size(0), 0);
  EXPECT_EQ(online_split(at::full({5}, -1, at::kLong), 3, config, 4).judged.size(0), 0);
}

// The vote of Wu et al. 2018 by plain loops.
TEST(JudgeOnline, IsTheWeightedVoteAndTheLinearProbe) {
  const at::Tensor label = synthetic::labels(100, 4, 1), own = synthetic::labels(60, 4, 2);
  const at::Tensor learned = synthetic::clouds(label, 4, 6, 0.7, 3);
  const at::Tensor judged = synthetic::clouds(own, 4, 6, 0.7, 4);
  OnlineConfig config;
  config.k = 9;
  config.temperature = 0.2;
  const LinearProbeConfig linear;
  const auto found = judge_online(learned, label, judged, own, 4, config, linear, 5);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].first, "knn");
  EXPECT_EQ(found[1].first, "linear");
  int64_t right = 0;
  for (int64_t q = 0; q < 60; ++q) {
    std::vector<double> cosine(100), votes(4);
    for (int64_t i = 0; i < 100; ++i) {
      cosine[i] = (judged[q] * learned[i]).sum().item<double>() /
                  (judged[q].norm() * learned[i].norm()).item<double>();
    }
    std::vector<int64_t> order(100);
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(),
              [&](int64_t a, int64_t b) { return cosine[a] > cosine[b]; });
    for (int64_t j = 0; j < 9; ++j) {
      votes[label[order[j]].item<int64_t>()] += std::exp(cosine[order[j]] / 0.2);
    }
    right += std::max_element(votes.begin(), votes.end()) - votes.begin() == own[q].item<int64_t>();
  }
  EXPECT_DOUBLE_EQ(found[0].second, static_cast<double>(right) / 60.0);
  EXPECT_EQ(found[1].second, linear_probe(learned, label, judged, own, 4, linear, 5).accuracy.top1);
  config.methods = "linear";
  const auto one = judge_online(learned, label, judged, own, 4, config, linear, 5);
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0], found[1]);
}

}  // namespace
}  // namespace nearfar
