// Convolution and linear layers, initialised as torch.nn initialises them.
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

 private:
  Shape shape_;
  at::Tensor weight_, bias_;
};

/// x W^T + b of [N, in]; parameters weight [out, in] and, if asked, bias [out]. Starts as
/// torch.nn.Linear does, from LibTorch's global generator.
class Linear : public torch::nn::Module {
 public:
  Linear(int64_t in, int64_t out, bool bias = true);
  at::Tensor forward(const at::Tensor& input) const;
  /// Starts again with normal weights of mean 0 and a bias of 0.
  void fill_normal(double standard_deviation);

 private:
  at::Tensor weight_, bias_;
};

}  // namespace nearfar
