// In which precision networks run: float32, or bfloat16 where it does no harm (autocast).
#pragma once

#include <string>

#include "framework/recipe/recipe.h"

namespace nearfar {

enum class Precision { fp32, bf16 };

/// "fp32" or "bf16".
Precision precision_of(const std::string& name);

/// Recipe::embed in a precision. bf16: convolutions and products in bfloat16 with float32
/// accumulation, the parameters, their gradients and BatchNorm's statistics in float32; embeddings
/// come out in float32, so that the loss never sees bfloat16. fp32 leaves dtypes alone: a float64
/// recipe stays one.
Embeddings embed_in(Precision precision, Recipe& recipe, const Batch& batch);

}  // namespace nearfar
