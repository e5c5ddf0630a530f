// How timm and torchvision are told to build a vision transformer of ours.
#pragma once

#include <string>
#include <vector>

#include "framework/json/json.h"
#include "framework/train/encoder_spec.h"

namespace nearfar {

/// What timm.create_model(NAME) must be told, by its argument names, where the network is not what
/// NAME stands for: img_size, patch_size, in_chans, depth, num_heads, global_pool. Precondition:
/// is_vit(spec.config.name).
Json timm_arguments(const EncoderSpec& spec);

/// The Python statements that make `model` in "timm" or "torchvision", without a classifier.
/// Throws ConfigError for mean pooling in torchvision, which has none.
std::vector<std::string> vit_lines(const EncoderSpec& spec, const std::string& format);

}  // namespace nearfar
