// Names of a vision transformer's tensors: torchvision's and timm's.
#pragma once

#include <string>

namespace nearfar {

/// timm's name of a tensor that torchvision's VisionTransformer calls `name` (its old names too,
/// mlp.linear_1); a name that is none of them stays. Both stack query, key and value alike.
std::string timm_name(const std::string& name);
/// torchvision's name of a tensor of a Vit; the classifier's parts are not among them.
std::string torchvision_name(const std::string& name);

}  // namespace nearfar
