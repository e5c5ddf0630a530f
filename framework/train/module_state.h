// All parameters and buffers of a module by name: what a checkpoint keeps of it.
#pragma once

#include <torch/nn/module.h>

#include "framework/checkpoint/tensors.h"

namespace nearfar {

/// Parameters, then buffers, by their dotted names; the tensors alias the module's.
NamedTensors module_state(torch::nn::Module& module);

}  // namespace nearfar
