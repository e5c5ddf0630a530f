// Contrastive losses on a GPU: the CPU's numbers, and factors that are refused without waiting.
#include <gtest/gtest.h>
#include <torch/types.h>

#include <functional>
#include <utility>

#include "distributed/forwarding_group.h"
#include "framework/losses/info_nce.h"
#include "framework/losses/moco.h"
#include "framework/losses/nt_xent.h"
#include "framework/train/device.h"
#include "recipes/blocks/feature_queue.h"

namespace nearfar {
namespace {

class GpuLosses : public testing::Test {
 protected:
  void SetUp() override {
    if (!has_nvidia_driver()) GTEST_SKIP() << "no NVIDIA driver on this machine";
    open_cuda();
  }
};

at::Tensor rows(int64_t count, double phase) {
  return at::arange(count * 24, at::kDouble).mul(1.7).add(phase).sin().view({count, 24});
}

/// `inner`, one rank alone, on a device.
class OnDevice final : public ForwardingGroup {
 public:
  OnDevice(Group& inner, at::Device device) : ForwardingGroup(inner), device_(device) {}
  at::Device device() const override { return device_; }

 private:
  at::Device device_;
};

using LossOf = std::function<at::Tensor(Group&, const at::Tensor&, const at::Tensor&)>;

/// The loss and its gradient at the first of two batches, on the CPU.
std::pair<double, at::Tensor> evaluate(const LossOf& loss_of, at::Device device) {
  SoloGroup alone;
  OnDevice group(alone, device);
  const at::Tensor first = rows(2500, 0.0).to(device).requires_grad_();
  const at::Tensor second = rows(2500, 0.4).to(device);
  const at::Tensor loss = loss_of(group, first, second);
  loss.backward();
  return {loss.item<double>(), first.grad().cpu()};
}

void expect_same(const LossOf& loss_of) {
  const auto [cpu, cpu_gradient] = evaluate(loss_of, at::kCPU);
  const auto [gpu, gpu_gradient] = evaluate(loss_of, at::kCUDA);
  EXPECT_NEAR(gpu, cpu, 1e-10 * cpu);
  EXPECT_TRUE(gpu_gradient.allclose(cpu_gradient, 1e-8, 1e-13));
}

constexpr Shard kWhole{0, 2500, 2500};

TEST_F(GpuLosses, EqualTheCpu) {
  expect_same([](Group& group, const at::Tensor& a, const at::Tensor& b) {
    return nt_xent(group, a, b, 0.1, kWhole);
  });
  expect_same([](Group& group, const at::Tensor& a, const at::Tensor& b) {
    return info_nce(group, a, b, 0.1, kWhole, Directions::both);
  });
  expect_same([](Group& group, const at::Tensor& a, const at::Tensor& b) {
    return moco_v3_loss(group, a, a, b, b, 0.2, kWhole);
  });
  expect_same([](Group& group, const at::Tensor& a, const at::Tensor& b) {
    FeatureQueue queue(6000, 24);
    for (const auto& buffer : queue.named_buffers()) {
      buffer.value().set_data(
          buffer.value().to(a.device(), buffer.key() == "rows" ? at::kDouble : at::kLong));
    }
    const at::Tensor index = at::arange(2500, a.options().dtype(at::kLong).requires_grad(false));
    for (const double phase : {0.9, 1.3, 1.8}) {
      queue.enqueue(group, rows(2500, phase).to(a.device()), index, kWhole);
    }
    return moco_loss(group, a, b, queue.negatives(), 0.07, kWhole, index);
  });
}

TEST_F(GpuLosses, AFactorAfterwardsMakesNaN) {
  SoloGroup alone;
  OnDevice group(alone, at::kCUDA);
  const at::Tensor first = rows(9, 0.0).to(at::kCUDA).requires_grad_();
  (nt_xent(group, first, rows(9, 0.4).to(at::kCUDA), 0.1, {0, 9, 9}) * 2.0).backward();
  EXPECT_TRUE(first.grad().isnan().all().item<bool>());
}

}  // namespace
}  // namespace nearfar
