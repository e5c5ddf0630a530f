// Weights by integer hash of name and index: the golden encoders' weights, exact without a file.
#pragma once

#include <torch/nn/module.h>
#include <torch/types.h>

#include <string>

namespace nearfar::golden {

/// The hashed values of a state-dict tensor, float64 (tests/golden/README.md, "resnet").
at::Tensor hashed_values(const std::string& name, at::IntArrayRef shape);

/// Gives every parameter and buffer its hashed values, rounded to its dtype.
void fill_hashed(torch::nn::Module& module);

}  // namespace nearfar::golden
