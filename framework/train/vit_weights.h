// Weights of vision transformers in the files of others: what their shapes tell, and other grids.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "framework/encoders/position_embedding.h"
#include "framework/files/safetensors.h"

namespace nearfar {

/// What a file of ViT weights tells of its network.
struct VitWeights {
  std::string architecture;  // as make_encoder names it; empty: none of them
  int64_t channels = 3;      // of the images
  int64_t width = 192;
  int64_t patch = 16;
  int64_t depth = 12;
  int64_t side = 14;  // patches a side of the position embedding
  bool mean_pool = false;
};

/// None where the file is not a ViT's (no patch_embed.proj.weight).
std::optional<VitWeights> vit_weights_of(const SafetensorsFile& file);

/// The grid of a position embedding of that shape, [1, 1 + n n, width]; none for other shapes.
std::optional<PatchGrid> position_grid(const std::vector<int64_t>& shape);

/// What is special about positions that no grid and class token make up: " (...)", or empty.
std::string position_problem(const std::vector<int64_t>& shape);

}  // namespace nearfar
