// Vision transformers with the names, order and initialisation of timm.
#include "framework/encoders/vit.h"

#include <torch/types.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "framework/error.h"

namespace nearfar {
namespace {

constexpr int64_t kTimmClasses = 1000;
constexpr int64_t kDepth = 12;
constexpr int64_t kMostBlocks = 64;
constexpr int64_t kMostPatches = 256;  // a side
constexpr double kDeviation = 0.02;
constexpr double kTokenDeviation = 1e-6;

struct Named {
  const char* name;
  int64_t width, heads;
};
constexpr std::array<Named, 3> kNamed = {{{"vit_tiny_patch16_224", 192, 3},
                                          {"vit_small_patch16_224", 384, 6},
                                          {"vit_base_patch16_224", 768, 12}}};

/// Whether `word` is `yes`; ConfigError where it is neither of the two.
bool is_word(const char* key, const std::string& word, const std::string& no,
             const std::string& yes) {
  if (word == no || word == yes) return word == yes;
  throw ConfigError(std::string(key) + ": expected " + no + " or " + yes + ", got \"" + word +
                    "\"");
}

/// A file's metadata need not keep to the ranges of a config.
void check_sizes(const EncoderConfig& config, const VitShape& shape) {
  if (config.patch < 1 || shape.depth > kMostBlocks) {
    throw ConfigError("encoder.patch and encoder.depth: expected at least 1 pixel and at most " +
                      std::to_string(kMostBlocks) + " blocks, got " + std::to_string(config.patch) +
                      " and " + std::to_string(shape.depth));
  }
}

/// " (possible: 2, 4)": patches of 2 to 16 pixels for images of `side`; empty without one.
std::string fitting_patches(int64_t side) {
  std::string text;
  for (int64_t patch = 2; patch <= 16; ++patch) {
    if (side % patch == 0) text += (text.empty() ? "" : ", ") + std::to_string(patch);
  }
  return text.empty() ? "" : " (possible: " + text + ")";
}

std::string times(int64_t height, int64_t width) {
  return std::to_string(height) + " x " + std::to_string(width);
}

/// timm's linear rule: 0 at the first block, shape.drop_path at the last.
double drop_path_at(const VitShape& shape, int64_t block) {
  if (shape.depth == 1) return 0.0;
  return shape.drop_path * static_cast<double>(block) / static_cast<double>(shape.depth - 1);
}

double glorot_bound(int64_t in, int64_t out) {
  return std::sqrt(6.0 / static_cast<double>(in + out));
}

}  // namespace

const std::vector<std::string>& vit_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Named& named : kNamed) all.emplace_back(named.name);
    return all;
  }();
  return names;
}

bool is_vit(const std::string& name) {
  return std::find(vit_names().begin(), vit_names().end(), name) != vit_names().end();
}

std::string vit_name_of(int64_t width) {
  for (const Named& named : kNamed) {
    if (named.width == width) return named.name;
  }
  return "";
}

VitShape vit_shape_of(const EncoderConfig& config, int64_t image_size) {
  const auto named = std::find_if(kNamed.begin(), kNamed.end(), [&](const Named& candidate) {
    return config.name == candidate.name;
  });
  TORCH_CHECK(named != kNamed.end(), "vit_shape_of: expected a ViT, got ", config.name);
  VitShape shape;
  shape.width = named->width;
  shape.heads = config.heads > 0 ? config.heads : named->heads;
  shape.depth = config.depth > 0 ? config.depth : kDepth;
  shape.patch = config.patch;
  shape.mean_pool = is_word("encoder.pool", config.pool, "token", "avg");
  shape.fixed_position = is_word("encoder.position", config.position, "learned", "sincos");
  shape.drop_path = config.drop_path;
  check_sizes(config, shape);
  if (shape.width % shape.heads != 0) {
    throw ConfigError("encoder.heads: expected a divisor of the width " +
                      std::to_string(shape.width) + " of " + config.name + ", got " +
                      std::to_string(shape.heads));
  }
  if (image_size < shape.patch || image_size % shape.patch != 0) {
    throw ConfigError("encoder.patch: expected a divisor of the views' " +
                      std::to_string(image_size) + " pixels" + fitting_patches(image_size) +
                      ", got " + std::to_string(shape.patch));
  }
  shape.grid = {image_size / shape.patch, image_size / shape.patch};
  if (shape.grid.rows > kMostPatches) {
    throw ConfigError("encoder.patch: expected at most " + std::to_string(kMostPatches) +
                      " patches a side, got " + std::to_string(shape.grid.rows));
  }
  return shape;
}

Vit::Vit(const VitShape& shape, int64_t channels, const NormPlan& norm)
    : shape_(shape), channels_(channels) {
  cls_token_ = register_parameter("cls_token", at::empty({1, 1, shape.width}, at::kFloat));
  pos_embed_ = register_parameter("pos_embed",
                                  at::empty({1, 1 + shape.grid.size(), shape.width}, at::kFloat),
                                  !shape.fixed_position);
  const auto patch_embed = register_module("patch_embed", std::make_shared<torch::nn::Module>());
  patch_proj_ = patch_embed->register_module(
      "proj", std::make_shared<Conv2d>(
                  Conv2d::Shape{channels, shape.width, shape.patch, shape.patch, 0}, true));
  const auto blocks = register_module("blocks", std::make_shared<torch::nn::Module>());
  for (int64_t i = 0; i < shape.depth; ++i) {
    blocks_.push_back(blocks->register_module(
        std::to_string(i), std::make_shared<TransformerBlock>(shape.width, shape.heads,
                                                              drop_path_at(shape, i), norm)));
  }
  norm_ = register_module(shape.mean_pool ? "fc_norm" : "norm",
                          std::make_shared<LayerNorm>(shape.width, kVitNormEps));
  start_as_timm();
}

// The order of draws is timm's: its classifier is drawn before everything is drawn a second time.
void Vit::start_as_timm() {
  const at::NoGradGuard no_grad;
  const Linear discarded_classifier(shape_.width, kTimmClasses);
  fill_truncated_normal(pos_embed_, kDeviation);
  cls_token_.normal_(0.0, kTokenDeviation);
  apply([](torch::nn::Module& module) {
    if (auto* linear = dynamic_cast<Linear*>(&module)) linear->fill_truncated_normal(kDeviation);
  });
  if (shape_.fixed_position) pos_embed_.copy_(sincos_positions(shape_.grid, shape_.width));
}

void Vit::start_as_mocov3() {
  const at::NoGradGuard no_grad;
  apply([](torch::nn::Module& module) {
    if (auto* linear = dynamic_cast<Linear*>(&module)) {
      const bool three = linear->out() == 3 * linear->in();  // qkv
      linear->fill_uniform(glorot_bound(linear->in(), three ? linear->in() : linear->out()));
    }
  });
  cls_token_.normal_(0.0, kTokenDeviation);
  patch_proj_->fill_uniform(glorot_bound(channels_ * shape_.patch * shape_.patch, shape_.width));
}

PatchGrid Vit::grid_of(const at::Tensor& images) const {
  const int64_t height = images.size(2), width = images.size(3);
  const bool fits = height % shape_.patch == 0 && width % shape_.patch == 0;
  if (fits && height > 0 && width > 0) return {height / shape_.patch, width / shape_.patch};
  throw ConfigError("images of " + times(height, width) +
                    " pixels: expected sides that are multiples of the encoder's patch of " +
                    std::to_string(shape_.patch));
}

at::Tensor Vit::tokens(const at::Tensor& images, Random& random) {
  const at::Tensor positions = resample_positions(pos_embed_, shape_.grid, grid_of(images));
  const at::Tensor patches = patch_proj_->forward(images).flatten(2).transpose(1, 2);
  at::Tensor output =
      at::cat({cls_token_.expand({images.size(0), -1, -1}), patches}, 1) + positions;
  for (const auto& block : blocks_) output = block->forward(output, random);
  return shape_.mean_pool ? output : norm_->forward(output);
}

at::Tensor Vit::forward(const at::Tensor& images, Random& random) {
  const at::Tensor all = tokens(images, random);
  return shape_.mean_pool ? norm_->forward(all.slice(1, 1).mean(1)) : all.select(1, 0);
}

}  // namespace nearfar
