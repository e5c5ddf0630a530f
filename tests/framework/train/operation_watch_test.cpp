// The first operation whose result is not finite, forward and backward, and what does not count.
#include "framework/train/operation_watch.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <limits>

namespace nearfar {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(OperationWatch, NamesOperationRowsAndTheParameterBefore) {
  const at::Tensor weight = at::eye(3), rows = at::ones({4, 3});
  rows[2].fill_(-1.0);
  const OperationWatch watch({{"head.weight", weight}}, 4);
  const at::Tensor result = at::exp(at::log(rows.matmul(weight)));
  ASSERT_TRUE(watch.first_nan());
  const FirstNonFinite first = *watch.first_nan();
  EXPECT_EQ(first.operation, "aten::log");
  EXPECT_EQ(first.parameter, "head.weight");
  EXPECT_EQ(first.backward_node, "");
  EXPECT_EQ(first.rows, (std::vector<int64_t>{2}));
  EXPECT_EQ(first.values, 3);
  EXPECT_FALSE(watch.first_infinity());
}

TEST(OperationWatch, NamesTheNodeOfTheBackwardPass) {
  const at::Tensor x = at::zeros({3}).requires_grad_();
  const at::Tensor loss = (x * 0.0).sqrt().sum();
  const OperationWatch watch({{"x", x}}, 3);
  loss.backward();
  ASSERT_TRUE(x.grad().isnan().all().item<bool>());
  ASSERT_TRUE(watch.first_infinity());
  EXPECT_NE(watch.first_infinity()->backward_node.find("SqrtBackward"), std::string::npos)
      << watch.first_infinity()->backward_node;
  ASSERT_TRUE(watch.first_nan());
  EXPECT_NE(watch.first_nan()->backward_node.find("MulBackward"), std::string::npos)
      << watch.first_nan()->backward_node;
}

TEST(OperationWatch, TellsAnOverflowFromTheNanThatFollows) {
  const at::Tensor x = at::full({2}, 100.0f);
  const OperationWatch watch({}, 2);
  const at::Tensor large = x.exp();
  const at::Tensor result = large - large;
  EXPECT_EQ(watch.first_infinity()->operation, "aten::exp");
  EXPECT_FALSE(watch.first_infinity()->is_nan);
  EXPECT_EQ(watch.first_nan()->operation, "aten::sub");
}

TEST(OperationWatch, LetsMasksAndUnwrittenMemoryPass) {
  const OperationWatch watch({}, 2);
  // Freed memory full of NaN is likely to come back as the next empty tensor.
  {
    at::Tensor gone = at::ones({512, 512});
    gone.data_ptr<float>()[7] = NAN;
  }
  const at::Tensor unwritten = at::empty({512, 512});
  const at::Tensor part = unwritten.narrow(0, 0, 2).t();
  const at::Tensor logits = at::ones({2, 2}).masked_fill(at::eye(2, at::kBool), -kInfinity);
  const at::Tensor shares = logits.softmax(1);
  EXPECT_FALSE(watch.first_nan());
  EXPECT_FALSE(watch.first_infinity());
}

TEST(OperationWatch, IsOverWhenItIsGone) {
  { const OperationWatch watch({}, 1); }
  const at::Tensor unseen = at::log(-at::ones({1}));
  const OperationWatch next({}, 1);
  EXPECT_FALSE(next.first_nan());
  EXPECT_THROW(OperationWatch({}, 1), c10::Error);
}

}  // namespace
}  // namespace nearfar
