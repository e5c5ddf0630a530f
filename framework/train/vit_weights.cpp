// Vision transformers in weights files.
#include "framework/train/vit_weights.h"

#include <cmath>

#include "framework/encoders/vit.h"
#include "framework/train/weight_names.h"

namespace nearfar {
namespace {

/// The side of a square of `count`; 0 where there is none.
int64_t side_of(int64_t count) {
  const auto side = static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(count))));
  return side * side == count ? side : 0;
}

bool is_of_positions(const std::vector<int64_t>& shape) {
  return shape.size() == 3 && shape[0] == 1 && shape[1] > 0;
}

int64_t count_blocks(const WeightNames& names) {
  int64_t blocks = 0;
  while (names.of_file.contains("blocks." + std::to_string(blocks) + ".attn.qkv.weight")) ++blocks;
  return blocks;
}

}  // namespace

std::optional<VitWeights> vit_weights_of(const SafetensorsFile& file) {
  const WeightNames names = read_weight_names(file);
  const auto find = [&](const std::string& name) -> const RawTensor* {
    const auto found = names.of_file.find(name);
    return found == names.of_file.end() ? nullptr : &file.at(found->second);
  };
  const RawTensor* kernel = find("patch_embed.proj.weight");
  if (kernel == nullptr || kernel->shape.size() != 4) return std::nullopt;
  VitWeights weights;
  weights.width = kernel->shape[0];
  weights.channels = kernel->shape[1];
  weights.patch = kernel->shape[2];
  weights.depth = count_blocks(names);
  weights.mean_pool = find("fc_norm.weight") != nullptr;
  weights.architecture = vit_name_of(weights.width);
  const RawTensor* positions = find("pos_embed");
  const auto grid = positions == nullptr ? std::nullopt : position_grid(positions->shape);
  if (grid) weights.side = grid->rows;
  return weights;
}

std::optional<PatchGrid> position_grid(const std::vector<int64_t>& shape) {
  if (!is_of_positions(shape)) return std::nullopt;
  const int64_t side = side_of(shape[1] - 1);
  return side == 0 ? std::nullopt : std::optional<PatchGrid>({side, side});
}

std::string position_problem(const std::vector<int64_t>& shape) {
  if (!is_of_positions(shape) || position_grid(shape)) return "";
  const int64_t side = side_of(shape[1]);
  if (side == 0) return " (no square grid of patches and a class token)";
  const std::string text = std::to_string(side);
  return " (" + text + " x " + text +
         " patches and none for the class token: no_embed_class, which is another network)";
}

}  // namespace nearfar
