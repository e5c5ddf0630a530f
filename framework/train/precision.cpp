// Autocast around a recipe's networks.
#include "framework/train/precision.h"

#include <ATen/autocast_mode.h>

#include "framework/error.h"

namespace nearfar {
namespace {

/// Autocast to bfloat16 while it lives.
class Autocast {
 public:
  explicit Autocast(at::DeviceType device)
      : device_(device),
        enabled_before_(at::autocast::is_autocast_enabled(device)),
        dtype_before_(at::autocast::get_autocast_dtype(device)) {
    at::autocast::set_autocast_enabled(device, true);
    at::autocast::set_autocast_dtype(device, at::kBFloat16);
    at::autocast::increment_nesting();
  }
  ~Autocast() {
    // Weights cast without gradient must not serve a pass with gradient, nor those of one step the
    // next.
    if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(device_, enabled_before_);
    at::autocast::set_autocast_dtype(device_, dtype_before_);
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  at::DeviceType device_;
  bool enabled_before_;
  at::ScalarType dtype_before_;
};

}  // namespace

Precision precision_of(const std::string& name) {
  if (name == "fp32") return Precision::fp32;
  if (name == "bf16") return Precision::bf16;
  throw ConfigError("train.precision: expected fp32 or bf16, got \"" + name + "\"");
}

Embeddings embed_in(Precision precision, Recipe& recipe, const Batch& batch) {
  if (precision == Precision::fp32) return recipe.embed(batch);
  Embeddings embeddings;
  {
    const Autocast autocast(batch.views.front().device().type());
    embeddings = recipe.embed(batch);
  }
  for (at::Tensor& embedding : embeddings) embedding = embedding.to(at::kFloat);
  return embeddings;
}

}  // namespace nearfar
