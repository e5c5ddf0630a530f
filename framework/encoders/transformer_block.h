// The block of a vision transformer: attention and a perceptron, each behind a norm, under timm's
// names.
#pragma once

#include <memory>

#include "framework/encoders/encoder.h"
#include "framework/encoders/layers.h"

namespace nearfar {

/// Added to the variance in every norm of a ViT, as in timm and facebookresearch/moco-v3.
inline constexpr double kVitNormEps = 1e-6;

/// Attention of every token of an image to all of them in `heads` heads (Dosovitskiy et al. 2021,
/// appendix A) of [N, tokens, width]. Children qkv [3 width, width], its rows query, key and value,
/// each head by head, and proj.
class Attention : public torch::nn::Module {
 public:
  /// Precondition: heads divides width.
  Attention(int64_t width, int64_t heads);
  at::Tensor forward(const at::Tensor& tokens);

 private:
  int64_t heads_;
  std::shared_ptr<Linear> qkv_, proj_;
};

/// Two layers with an exact GELU between them, token by token; children fc1 [4 width, width], fc2.
class TokenPerceptron : public torch::nn::Module {
 public:
  explicit TokenPerceptron(int64_t width);
  at::Tensor forward(const at::Tensor& tokens);

 private:
  std::shared_ptr<Linear> fc1_, fc2_;
};

/// x + attn(norm1(x)), then x + mlp(norm2(x)) (Dosovitskiy et al. 2021, equations 2 and 3). In
/// training both branches are left out by drop_path(), each by a draw of its own.
class TransformerBlock : public torch::nn::Module {
 public:
  TransformerBlock(int64_t width, int64_t heads, double drop_path, const NormPlan& plan);
  at::Tensor forward(const at::Tensor& tokens, Random& random);

 private:
  at::Tensor kept(const at::Tensor& branch, Random& random) const;

  NormPlan plan_;
  double drop_path_;
  std::shared_ptr<LayerNorm> norm1_, norm2_;
  std::shared_ptr<Attention> attn_;
  std::shared_ptr<TokenPerceptron> mlp_;
};

}  // namespace nearfar
