// Blocks of vision transformers.
#include "framework/encoders/transformer_block.h"

#include <torch/types.h>

#include "framework/encoders/drop_path.h"

namespace nearfar {
namespace {

constexpr int64_t kPerceptronRatio = 4;

}  // namespace

Attention::Attention(int64_t width, int64_t heads) : heads_(heads) {
  qkv_ = register_module("qkv", std::make_shared<Linear>(width, 3 * width));
  proj_ = register_module("proj", std::make_shared<Linear>(width, width));
}

at::Tensor Attention::forward(const at::Tensor& tokens) {
  const int64_t images = tokens.size(0), count = tokens.size(1), width = tokens.size(2);
  const at::Tensor qkv = qkv_->forward(tokens)
                             .view({images, count, 3, heads_, width / heads_})
                             .permute({2, 0, 3, 1, 4});
  const at::Tensor mixed =
      at::scaled_dot_product_attention(qkv.select(0, 0), qkv.select(0, 1), qkv.select(0, 2));
  return proj_->forward(mixed.transpose(1, 2).reshape({images, count, width}));
}

TokenPerceptron::TokenPerceptron(int64_t width) {
  fc1_ = register_module("fc1", std::make_shared<Linear>(width, kPerceptronRatio * width));
  fc2_ = register_module("fc2", std::make_shared<Linear>(kPerceptronRatio * width, width));
}

at::Tensor TokenPerceptron::forward(const at::Tensor& tokens) {
  return fc2_->forward(at::gelu(fc1_->forward(tokens)));
}

TransformerBlock::TransformerBlock(int64_t width, int64_t heads, double drop_path,
                                   const NormPlan& plan)
    : plan_(plan), drop_path_(drop_path) {
  norm1_ = register_module("norm1", std::make_shared<LayerNorm>(width, kVitNormEps));
  attn_ = register_module("attn", std::make_shared<Attention>(width, heads));
  norm2_ = register_module("norm2", std::make_shared<LayerNorm>(width, kVitNormEps));
  mlp_ = register_module("mlp", std::make_shared<TokenPerceptron>(width));
}

at::Tensor TransformerBlock::kept(const at::Tensor& branch, Random& random) const {
  return is_training() ? drop_path(branch, drop_path_, plan_, random) : branch;
}

at::Tensor TransformerBlock::forward(const at::Tensor& tokens, Random& random) {
  const at::Tensor mixed = tokens + kept(attn_->forward(norm1_->forward(tokens)), random);
  return mixed + kept(mlp_->forward(norm2_->forward(mixed)), random);
}

}  // namespace nearfar
