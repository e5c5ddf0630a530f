// Golden ViTs: networks with hashed weights and position embeddings.
#include <memory>
#include <string>

#include "framework/encoders/make_encoder.h"
#include "framework/encoders/vit.h"
#include "tests/golden_runner/case.h"
#include "tests/golden_runner/hashed_weights.h"

namespace nearfar::golden {
namespace {

int64_t number_of(const Case& golden, const std::string& key, int64_t otherwise) {
  const Json* value = golden.hyperparameters.find(key);
  return value == nullptr ? otherwise : value->as_int();
}

/// The float64 network of a case, in eval mode.
std::shared_ptr<Vit> golden_vit(const Case& golden) {
  EncoderConfig config;
  config.name = golden.hyperparameters.at("architecture").as_string();
  config.patch = number_of(golden, "patch", 16);
  config.heads = number_of(golden, "heads", 0);
  config.depth = number_of(golden, "depth", 0);
  const Json* pool = golden.hyperparameters.find("pool");
  if (pool != nullptr) config.pool = pool->as_string();
  const int64_t channels = golden.tensors.at("input").size(1);
  const auto vit = std::dynamic_pointer_cast<Vit>(
      make_encoder(config, channels, number_of(golden, "image_size", 224), NormPlan{}));
  for (at::Tensor& parameter : vit->parameters()) parameter.set_data(parameter.to(at::kDouble));
  fill_hashed(*vit);
  vit->eval();
  return vit;
}

Tensors vit(const Case& golden) {
  const auto vit = golden_vit(golden);
  const auto direction = golden.tensors.find("direction");
  const bool with_gradients = direction != golden.tensors.end();
  const at::AutoGradMode mode(with_gradients);
  const at::Tensor images = golden.tensors.at("input").clone().requires_grad_(with_gradients);
  Random random(0, 0, 0, Purpose::recipe);
  const at::Tensor features = vit->forward(images, random);
  Tensors results{{"features", features.detach()},
                  {"tokens", vit->tokens(images, random).detach()}};
  if (!with_gradients) return results;
  (features * direction->second).sum().backward();
  results["grad.input"] = images.grad();
  for (const auto& item : vit->named_parameters()) {
    results["grad." + item.key()] = item.value().grad();
  }
  return results;
}

PatchGrid grid_of(const Case& golden) {
  return {golden.hyperparameters.at("rows").as_int(),
          golden.hyperparameters.at("columns").as_int()};
}

/// Outputs are called on.RxC.
Tensors vit_positions(const Case& golden) {
  Tensors results;
  for (const auto& [name, expected] : golden.tensors) {
    const size_t cross = name.find('x', 3);
    if (!name.starts_with("on.") || cross == std::string::npos) continue;
    const PatchGrid grid{std::stoll(name.substr(3, cross - 3)), std::stoll(name.substr(cross + 1))};
    results[name] = resample_positions(golden.tensors.at("positions"), grid_of(golden), grid);
  }
  return results;
}

Tensors vit_sincos(const Case& golden) {
  const int64_t width = golden.hyperparameters.at("width").as_int();
  return {{"positions", sincos_positions(grid_of(golden), width)}};
}

}  // namespace

void add_vits(Operations& operations) {
  operations["vit"] = vit;
  operations["vit_positions"] = vit_positions;
  operations["vit_sincos"] = vit_sincos;
}

}  // namespace nearfar::golden
