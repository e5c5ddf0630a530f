// Convolution, linear and normalising layers, initialised as torch.nn initialises them.
#pragma once

#include <torch/nn/module.h>

#include <cstdint>

namespace nearfar {

/// 2-d convolution of [N, in, H, W] with a square kernel; parameters weight [out, in, kernel,
/// kernel] and, if asked, bias [out]. Starts as torch.nn.Conv2d does, from LibTorch's global
/// generator.
class Conv2d : public torch::nn::Module {
 public:
  struct Shape {
    int64_t in = 0;
    int64_t out = 0;
    int64_t kernel = 1;
    int64_t stride = 1;
    int64_t padding = 0;
  };
  explicit Conv2d(const Shape& shape, bool bias = false);
  at::Tensor forward(const at::Tensor& input) const;
  /// Starts again with kaiming_normal_(mode="fan_out", nonlinearity="relu") (He et al. 2015,
  /// equation 14), which torchvision gives its ResNets.
  void fill_he_normal();
  /// Starts again with uniform weights in [-bound, bound) and a bias of 0.
  void fill_uniform(double bound);

 private:
  Shape shape_;
  at::Tensor weight_, bias_;
};

/// x W^T + b of [..., in]; parameters weight [out, in] and, if asked, bias [out]. Starts as
/// torch.nn.Linear does, from LibTorch's global generator.
class Linear : public torch::nn::Module {
 public:
  Linear(int64_t in, int64_t out, bool bias = true);
  at::Tensor forward(const at::Tensor& input) const;
  /// Starts again with normal weights of mean 0 and a bias of 0.
  void fill_normal(double standard_deviation);
  /// Starts again with the weights of fill_truncated_normal() and a bias of 0.
  void fill_truncated_normal(double standard_deviation);
  /// Starts again with uniform weights in [-bound, bound) and a bias of 0.
  void fill_uniform(double bound);
  int64_t in() const;
  int64_t out() const;

 private:
  at::Tensor weight_, bias_;
};

/// Layer normalisation (Ba et al. 2016) over the last dimension of [..., size]: the biased variance
/// plus eps; parameters weight (ones) and bias (zeros), [size].
class LayerNorm : public torch::nn::Module {
 public:
  LayerNorm(int64_t size, double eps);
  at::Tensor forward(const at::Tensor& input) const;

 private:
  double eps_;
  at::Tensor weight_, bias_;
};

/// Normal values of mean 0 cut to [-2, 2] (not to two deviations), by PyTorch's trunc_normal_: the
/// inverse distribution function of uniform ones, to the bit.
void fill_truncated_normal(at::Tensor& values, double standard_deviation);

}  // namespace nearfar
