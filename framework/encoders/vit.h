// Vision transformers under timm's names, for images of any size.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "framework/encoders/encoder_config.h"
#include "framework/encoders/position_embedding.h"
#include "framework/encoders/transformer_block.h"

namespace nearfar {

/// How a ViT is built.
struct VitShape {
  int64_t width = 192;
  int64_t depth = 12;  // blocks
  int64_t heads = 3;
  int64_t patch = 16;         // pixels of a patch's side
  PatchGrid grid = {14, 14};  // of the position embedding: that of the images to train on
  bool mean_pool = false;     // features: fc_norm of the patches' mean, not the class token
  bool fixed_position = false;
  double drop_path = 0.0;  // of the last block; grows from 0 at the first, block by block
};

/// The names of make_encoder that are ViTs: timm's.
const std::vector<std::string>& vit_names();
bool is_vit(const std::string& name);
/// The name of the ViT of that width; empty: of none.
std::string vit_name_of(int64_t width);

/// The shape that config stands for on images of `image_size` pixels a side. Precondition:
/// is_vit(config.name). Throws ConfigError for an unknown word, a patch that does not divide the
/// image and heads that do not divide the width.
VitShape vit_shape_of(const EncoderConfig& config, int64_t image_size);

/// A vision transformer (Dosovitskiy et al. 2021) without classifier, as timm's VisionTransformer:
/// patches by a convolution, a class token, an added position embedding, blocks, a norm (eps 1e-6).
/// Parameters, in order: cls_token [1, 1, width], pos_embed [1, 1 + patches, width],
/// patch_embed.proj, blocks.N.{norm1, attn.qkv, attn.proj, norm2, mlp.fc1, mlp.fc2}, and norm, or
/// with mean_pool fc_norm, which then comes after the mean (timm's global_pool="avg"). A fixed
/// pos_embed is a parameter that requires no grad. Nothing in it is shared between images, so
/// NormPlan counts for dropped paths alone.
///
/// Starts as timm does (weight_init=""): pos_embed and the weights of linear layers truncated
/// normal of deviation 0.02, their biases 0, cls_token normal of 1e-6, the convolution as
/// torch.nn.Conv2d, norms 1 and 0: with three channels, equal states of the global generator give
/// timm's weights to the bit.
///
/// By number of dimensions cls_token and pos_embed are weights, which Recipe::parameter_groups()
/// lets decay, as the methods do that train ViTs here (facebookresearch/moco-v3 and dino exclude
/// biases and norms at most); timm's own training leaves the two out.
class Vit final : public Encoder {
 public:
  Vit(const VitShape& shape, int64_t channels, const NormPlan& norm);
  /// Images whose sides are multiples of the patch; on another grid than shape.grid the position
  /// embedding is resampled (resample_positions()). Throws ConfigError for other sides.
  at::Tensor forward(const at::Tensor& images, Random& random) override;
  int64_t width() const override { return shape_.width; }
  const VitShape& shape() const { return shape_; }
  /// All tokens [N, 1 + patches, width], class token first, after the last block and, unless
  /// mean_pool, the norm: timm's forward_features.
  at::Tensor tokens(const at::Tensor& images, Random& random);
  /// Starts again as facebookresearch/moco-v3 does (vits.py): linear layers uniform by Glorot and
  /// Bengio 2010, query, key and value each for itself; the patch convolution likewise, over
  /// channels times patch squared inputs; biases 0; cls_token normal of 1e-6.
  void start_as_mocov3();

 private:
  PatchGrid grid_of(const at::Tensor& images) const;
  void start_as_timm();

  VitShape shape_;
  int64_t channels_;
  at::Tensor cls_token_, pos_embed_;
  std::shared_ptr<Conv2d> patch_proj_;
  std::vector<std::shared_ptr<TransformerBlock>> blocks_;
  std::shared_ptr<LayerNorm> norm_;  // named norm, or fc_norm with mean_pool
};

}  // namespace nearfar
