// Weights by integer hash.
#include "tests/golden_runner/hashed_weights.h"

#include <cmath>
#include <cstdint>

namespace nearfar::golden {
namespace {

uint32_t fnv1a(const std::string& text) {
  uint32_t hash = 2166136261u;
  for (const char byte : text) hash = (hash ^ static_cast<uint8_t>(byte)) * 16777619u;
  return hash;
}

/// In [-1, 1).
double hashed_uniform(uint32_t index, uint32_t name_hash) {
  uint32_t x = index + name_hash * 2654435769u;
  x ^= x >> 16;
  x *= 2246822507u;
  x ^= x >> 13;
  x *= 3266489909u;
  x ^= x >> 16;
  return 2.0 * (x / 4294967296.0) - 1.0;
}

struct Spread {
  double centre = 0.0;
  double radius = 0.0;
};

Spread spread_of(const std::string& name, at::IntArrayRef shape) {
  if (name == "cls_token" || name == "pos_embed") return {0.0, 0.5};
  if (shape.size() >= 2) {
    const auto fan_in = static_cast<double>(c10::multiply_integers(shape.slice(1)));
    return {0.0, std::sqrt(6.0 / fan_in)};
  }
  if (name.ends_with("running_var")) return {1.0, 0.5};
  if (name.ends_with("running_mean")) return {0.0, 0.2};
  if (name.ends_with("num_batches_tracked")) return {0.0, 0.0};
  return name.ends_with("weight") ? Spread{1.0, 0.2} : Spread{0.0, 0.1};
}

}  // namespace

at::Tensor hashed_values(const std::string& name, at::IntArrayRef shape) {
  const uint32_t hash = fnv1a(name);
  const Spread spread = spread_of(name, shape);
  at::Tensor values = at::empty(shape, at::kDouble);
  double* out = values.data_ptr<double>();
  for (int64_t i = 0; i < values.numel(); ++i) {
    out[i] = spread.centre + spread.radius * hashed_uniform(static_cast<uint32_t>(i), hash);
  }
  return values;
}

void fill_hashed(torch::nn::Module& module) {
  const at::NoGradGuard no_grad;
  const auto fill = [](const auto& tensors) {
    for (const auto& item : tensors) {
      item.value().copy_(hashed_values(item.key(), item.value().sizes()));
    }
  };
  fill(module.named_parameters());
  fill(module.named_buffers());
}

}  // namespace nearfar::golden
