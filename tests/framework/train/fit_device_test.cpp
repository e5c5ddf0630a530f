// What is settled by measuring the machine: which micro-batch fits, and what the meter sees.
#include "framework/train/fit_device.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "framework/train/memory_meter.h"

namespace nearfar {
namespace {

TEST(MemoryMeter, SeesThePeakAndNotTheSum) {
  constexpr int64_t kFloats = 1 << 20;
  const int64_t peak = peak_bytes([] {
    at::Tensor a = at::zeros({kFloats});
    { const at::Tensor b = at::zeros({2 * kFloats}); }
    const at::Tensor c = at::zeros({kFloats});
  });
  EXPECT_EQ(peak, 3 * kFloats * 4);
}

TEST(MemoryMeter, SeesWhatBackwardTakes) {
  constexpr int64_t kFloats = 1 << 20;
  const at::Tensor x = at::ones({kFloats}).requires_grad_();
  // x squared, its factor for backward, and the gradient: at least three tensors live at once.
  const int64_t peak = peak_bytes([&] { (x * x).exp().sum().backward(); });
  EXPECT_GE(peak, 3 * kFloats * 4);
}

TEST(MemoryMeter, SeesWhatTheProcessHolds) {
  constexpr int64_t kBytes = int64_t{256} << 20;
  const int64_t before = peak_resident_bytes([] {});
  const int64_t during = peak_resident_bytes([] { at::zeros({kBytes / 4}).add_(1.0); });
  const int64_t after = peak_resident_bytes([] {});
  // A tenth for whatever else the process does.
  EXPECT_NEAR(static_cast<double>(during - before), kBytes, 0.1 * kBytes);
  EXPECT_LT(after - before, kBytes / 10);
}

TEST(FitDevice, TakesTheLargestWholeNumberOfUnits) {
  EXPECT_EQ(largest_piece(100.0, 10.0, 1000.0, 16), 80);
  EXPECT_EQ(largest_piece(100.0, 10.0, 259.0, 16), 0);
  EXPECT_EQ(largest_piece(100.0, 10.0, 260.0, 16), 16);
  EXPECT_EQ(largest_piece(2000.0, 10.0, 1000.0, 16), 0);
}

}  // namespace
}  // namespace nearfar
