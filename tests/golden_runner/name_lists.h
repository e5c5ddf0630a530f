// Whether the encoders have the names that torchvision and timm give their tensors.
#pragma once

#include <functional>
#include <string>

#include "framework/json/json.h"

namespace nearfar::golden {

/// What is wrong with an encoder's names against a list [{"name", "shape", "dtype", "parameter"}]
/// of a model, "torchvision_resnet18"; empty: nothing. Throws Unsupported for a model that nearfar
/// does not have.
using NameCheck = std::function<std::string(const std::string& model, const Json& list)>;

/// Every tensor of the list but its classifier's is one of the encoder's, of that shape, dtype and
/// kind, and the other way round; parameters in the same order, and buffers. The names of
/// torchvision's ViT are those that weights are loaded by (framework/train/weight_names.h); their
/// order differs.
std::string check_names(const std::string& model, const Json& list);

}  // namespace nearfar::golden
