// Two ways to name a vision transformer's tensors.
#include "framework/train/vit_names.h"

#include <array>
#include <string_view>
#include <utility>

namespace nearfar {
namespace {

using Words = std::pair<std::string_view, std::string_view>;  // torchvision's, timm's

constexpr std::array<Words, 5> kStarts = {{{"class_token", "cls_token"},
                                           {"conv_proj.", "patch_embed.proj."},
                                           {"encoder.pos_embedding", "pos_embed"},
                                           {"encoder.ln.", "norm."},
                                           {"encoder.layers.encoder_layer_", "blocks."}}};

/// Of a block; the last two are of torchvision before 0.13.
constexpr std::array<Words, 8> kParts = {{{".ln_1.", ".norm1."},
                                          {".ln_2.", ".norm2."},
                                          {".self_attention.in_proj_", ".attn.qkv."},
                                          {".self_attention.out_proj.", ".attn.proj."},
                                          {".mlp.0.", ".mlp.fc1."},
                                          {".mlp.3.", ".mlp.fc2."},
                                          {".mlp.linear_1.", ".mlp.fc1."},
                                          {".mlp.linear_2.", ".mlp.fc2."}}};

bool replace(std::string& name, std::string_view from, std::string_view to, bool at_start) {
  const size_t place =
      at_start ? (name.starts_with(from) ? 0 : std::string::npos) : name.find(from);
  if (place == std::string::npos) return false;
  name.replace(place, from.size(), to);
  return true;
}

}  // namespace

std::string timm_name(const std::string& name) {
  std::string own = name;
  for (const auto& [theirs, ours] : kStarts) {
    if (!replace(own, theirs, ours, true)) continue;
    if (!own.starts_with("blocks.")) return own;
    for (const auto& [part, our_part] : kParts) {
      if (replace(own, part, our_part, false)) break;
    }
    return own;
  }
  return own;
}

std::string torchvision_name(const std::string& name) {
  std::string theirs = name;
  for (const auto& [part, ours] : kParts) {
    if (name.starts_with("blocks.") && replace(theirs, ours, part, false)) break;
  }
  for (const auto& [start, ours] : kStarts) {
    if (replace(theirs, ours, start, true)) break;
  }
  return theirs;
}

}  // namespace nearfar
