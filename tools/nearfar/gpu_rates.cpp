// Published training rates.
#include "tools/nearfar/gpu_rates.h"

namespace nearfar {
namespace {

// SimCLR trains on two views of an image, MoCo on one and passes another forward only: a half, and
// three quarters of the rate of supervised training.
constexpr double kSimClr = 1.0 / 2.0;
constexpr double kMoco = 3.0 / 4.0;

// Supervised training of ResNet-50 v1.5: NVIDIA DeepLearningExamples, PyTorch, mixed precision.
constexpr double kV100 = 1200.0;
constexpr double kA100 = 2470.0;
// MLPerf Training 3.0, ResNet-50: 16 H100 took 7.8 minutes, 16 A100 14.4 in the same kind of
// server.
constexpr double kH100 = kA100 * 14.4 / 7.8;

const std::vector<GpuRate>& all_rates() {
  static const std::vector<GpuRate> rates = {
      {"V100", "SimCLR ResNet-50", 224, kV100 * kSimClr,
       "1/2 of supervised, 1,200 (NVIDIA DeepLearningExamples)"},
      {"A100", "SimCLR ResNet-50", 224, kA100 * kSimClr,
       "1/2 of supervised, 2,470 (NVIDIA DeepLearningExamples)"},
      {"A100", "MoCo ResNet-50", 224, kA100 * kMoco,
       "3/4 of supervised, 2,470 (NVIDIA DeepLearningExamples)"},
      {"H100", "SimCLR ResNet-50", 224, kH100 * kSimClr,
       "the A100's times 14.4 / 7.8 (MLPerf Training 3.0, 16 GPUs)"},
      {"A6000", "SimCLR ResNet-18", 32, 1914.0, "lightly's benchmark on CIFAR-10, batch 512"}};
  return rates;
}

}  // namespace

std::vector<GpuRate> gpu_rates(int64_t side) {
  std::vector<GpuRate> fitting;
  for (const GpuRate& rate : all_rates()) {
    if (2 * side <= 3 * rate.side && 2 * rate.side <= 3 * side) fitting.push_back(rate);
  }
  return fitting;
}

}  // namespace nearfar
