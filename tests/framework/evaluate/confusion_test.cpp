// The confusion matrix against a count by hand.
#include "framework/evaluate/confusion.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "tests/framework/evaluate/synthetic.h"

namespace nearfar {
namespace {

TEST(ConfusionMatrix, CountsImagesByTrueAndPredictedClass) {
  const at::Tensor label = synthetic::labels(500, 7, 1);
  const at::Tensor prediction = synthetic::labels(500, 7, 2);
  const at::Tensor counts = confusion_matrix(prediction, label, 7);
  int64_t by_hand[7][7] = {};
  for (int64_t i = 0; i < 500; ++i) {
    ++by_hand[label[i].item<int64_t>()][prediction[i].item<int64_t>()];
  }
  for (int64_t truth = 0; truth < 7; ++truth) {
    for (int64_t guess = 0; guess < 7; ++guess) {
      EXPECT_EQ(counts[truth][guess].item<int64_t>(), by_hand[truth][guess]);
    }
  }
}

TEST(ConfusionMatrix, KeepsClassesWithoutImages) {
  const at::Tensor label = at::tensor({0, 0, 2}, at::kLong);
  const at::Tensor counts = confusion_matrix(at::tensor({0, 3, 2}, at::kLong), label, 4);
  EXPECT_EQ(counts.sum().item<int64_t>(), 3);
  EXPECT_EQ(counts[0][3].item<int64_t>(), 1);
  EXPECT_EQ(counts[1].sum().item<int64_t>(), 0);
}

TEST(ConfusionMatrix, RefusesWhatIsNoClass) {
  const at::Tensor label = at::tensor({0, 1}, at::kLong);
  EXPECT_THROW(confusion_matrix(at::tensor({0, 2}, at::kLong), label, 2), c10::Error);
  EXPECT_THROW(confusion_matrix(at::tensor({0, -1}, at::kLong), label, 2), c10::Error);
  EXPECT_THROW(confusion_matrix(at::tensor({0}, at::kLong), label, 2), c10::Error);
}

TEST(Judge, PredictsTheLowerOfEqualClassesAndNeverAMissingScore) {
  const double missing = std::nan("");
  const at::Tensor scores = at::tensor({1.0, 3.0, 3.0, missing, -2.0, -1.0, missing, 5.0, 0.0});
  const Accuracy accuracy = judge(scores.view({3, 3}), at::tensor({1, 0, 1}, at::kLong));
  EXPECT_TRUE(accuracy.prediction.equal(at::tensor({1, 2, 1}, at::kLong)));
  EXPECT_DOUBLE_EQ(accuracy.top1, 2.0 / 3.0);
}

}  // namespace
}  // namespace nearfar
