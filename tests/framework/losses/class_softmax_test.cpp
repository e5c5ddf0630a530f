// What losses over classes refuse.
#include "framework/losses/class_softmax.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <string>

namespace nearfar {
namespace {

std::string refusal(const at::Tensor& label) {
  SoloGroup group;
  const at::Tensor rows_nd = at::ones({label.size(0), 4}, at::kDouble);
  const ClassWeights weights = all_classes(at::ones({3, 4}, at::kDouble));
  const Shard own{0, label.size(0), label.size(0)};
  try {
    softmax_loss(group, rows_nd, weights, {}, label, own);
  } catch (const c10::Error& error) {
    return error.what_without_backtrace();
  }
  return "nothing was thrown";
}

TEST(ClassSoftmax, LabelsAreClasses) {
  EXPECT_EQ(refusal(at::tensor({0, 2, 1}, at::kLong)), "nothing was thrown");
  for (const int64_t wrong : {-1, 3}) {
    EXPECT_EQ(refusal(at::tensor({int64_t{0}, wrong}, at::kLong)),
              "softmax: expected labels in [0, 3)");
  }
  EXPECT_EQ(refusal(at::empty({0}, at::kLong)), "softmax: expected at least one row");
}

}  // namespace
}  // namespace nearfar
