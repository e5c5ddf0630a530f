// Convolution, linear and normalising layers.
#include "framework/encoders/layers.h"

#include <torch/types.h>

#include <cmath>

namespace nearfar {
namespace {

int64_t fan_in(const at::Tensor& weight) { return weight.numel() / weight.size(0); }

// torch.nn's start: kaiming_uniform_(weight, a=sqrt(5)), then uniform(-1/sqrt(fan_in), ..) for
// biases. The order of roundings is PyTorch's, so that equal generators give equal bits.
void fill_default(at::Tensor& weight, at::Tensor& bias) {
  const at::NoGradGuard no_grad;
  const auto fan = static_cast<double>(fan_in(weight));
  const double gain = std::sqrt(2.0 / (1.0 + std::pow(std::sqrt(5.0), 2)));
  const double bound = std::sqrt(3.0) * (gain / std::sqrt(fan));
  weight.uniform_(-bound, bound);
  if (bias.defined()) bias.uniform_(-1.0 / std::sqrt(fan), 1.0 / std::sqrt(fan));
}

}  // namespace

Conv2d::Conv2d(const Shape& shape, bool bias) : shape_(shape) {
  weight_ = register_parameter(
      "weight", at::empty({shape.out, shape.in, shape.kernel, shape.kernel}, at::kFloat));
  if (bias) bias_ = register_parameter("bias", at::empty({shape.out}, at::kFloat));
  fill_default(weight_, bias_);
}

at::Tensor Conv2d::forward(const at::Tensor& input) const {
  constexpr int64_t kFewest = 8;
  if (shape_.kernel == 1 && shape_.in < kFewest && input.is_cpu()) {
    // With fewer channels oneDNN's AVX2 gradient of a 1x1 kernel writes past its memory (LibTorch
    // 2.11, on one thread): channels of zeros change nothing but that.
    const std::vector<int64_t> more{0, 0, 0, 0, 0, kFewest - shape_.in};
    return at::conv2d(at::constant_pad_nd(input, more), at::constant_pad_nd(weight_, more), bias_,
                      shape_.stride, shape_.padding);
  }
  return at::conv2d(input, weight_, bias_, shape_.stride, shape_.padding);
}

void Conv2d::fill_he_normal() {
  const at::NoGradGuard no_grad;
  const auto fan_out = static_cast<double>(shape_.out * shape_.kernel * shape_.kernel);
  weight_.normal_(0.0, std::sqrt(2.0) / std::sqrt(fan_out));
}

void Conv2d::fill_uniform(double bound) {
  const at::NoGradGuard no_grad;
  weight_.uniform_(-bound, bound);
  if (bias_.defined()) bias_.zero_();
}

Linear::Linear(int64_t in, int64_t out, bool bias) {
  weight_ = register_parameter("weight", at::empty({out, in}, at::kFloat));
  if (bias) bias_ = register_parameter("bias", at::empty({out}, at::kFloat));
  fill_default(weight_, bias_);
}

at::Tensor Linear::forward(const at::Tensor& input) const {
  return at::linear(input, weight_, bias_);
}

void Linear::fill_normal(double standard_deviation) {
  const at::NoGradGuard no_grad;
  weight_.normal_(0.0, standard_deviation);
  if (bias_.defined()) bias_.zero_();
}

void Linear::fill_truncated_normal(double standard_deviation) {
  const at::NoGradGuard no_grad;
  nearfar::fill_truncated_normal(weight_, standard_deviation);
  if (bias_.defined()) bias_.zero_();
}

void Linear::fill_uniform(double bound) {
  const at::NoGradGuard no_grad;
  weight_.uniform_(-bound, bound);
  if (bias_.defined()) bias_.zero_();
}

int64_t Linear::in() const { return weight_.size(1); }

int64_t Linear::out() const { return weight_.size(0); }

LayerNorm::LayerNorm(int64_t size, double eps) : eps_(eps) {
  weight_ = register_parameter("weight", at::ones({size}, at::kFloat));
  bias_ = register_parameter("bias", at::zeros({size}, at::kFloat));
}

at::Tensor LayerNorm::forward(const at::Tensor& input) const {
  return at::layer_norm(input, {weight_.size(0)}, weight_, bias_, eps_);
}

void fill_truncated_normal(at::Tensor& values, double standard_deviation) {
  const at::NoGradGuard no_grad;
  constexpr double kEnd = 2.0;
  const double below = (1.0 + std::erf(-kEnd / standard_deviation / std::sqrt(2.0))) / 2.0;
  const double above = (1.0 + std::erf(kEnd / standard_deviation / std::sqrt(2.0))) / 2.0;
  values.uniform_(2.0 * below - 1.0, 2.0 * above - 1.0);
  values.erfinv_().mul_(standard_deviation * std::sqrt(2.0)).clamp_(-kEnd, kEnd);
}

}  // namespace nearfar
