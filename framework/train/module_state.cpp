// Named state of a module.
#include "framework/train/module_state.h"

namespace nearfar {

NamedTensors module_state(torch::nn::Module& module) {
  NamedTensors state;
  for (const auto& item : module.named_parameters()) state.emplace_back(item.key(), item.value());
  for (const auto& item : module.named_buffers()) state.emplace_back(item.key(), item.value());
  return state;
}

}  // namespace nearfar
