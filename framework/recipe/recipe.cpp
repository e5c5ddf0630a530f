// What a recipe does unless it says otherwise.
#include "framework/recipe/recipe.h"

#include <unordered_set>

namespace nearfar {

std::vector<bool> Recipe::shuffled_views() const { return {}; }

void Recipe::after_step(const Embeddings&, const Batch&) {}

void Recipe::before_epoch(EpochContext&) {}

std::vector<Follower> Recipe::followers() { return {}; }

std::vector<ParameterGroup> Recipe::parameter_groups() {
  std::unordered_set<const c10::TensorImpl*> moved_otherwise;
  for (const Follower& follower : followers()) {
    for (const at::Tensor& parameter : follower.target->parameters()) {
      moved_otherwise.insert(parameter.unsafeGetTensorImpl());
    }
  }
  ParameterGroup decayed{.name = "decayed", .parameters = {}, .fixed_rate = {}};
  ParameterGroup plain{
      .name = "plain", .parameters = {}, .decay = false, .adapt = false, .fixed_rate = {}};
  for (const auto& item : named_parameters()) {
    const at::Tensor& parameter = item.value();
    if (!parameter.requires_grad()) continue;
    if (moved_otherwise.contains(parameter.unsafeGetTensorImpl())) continue;
    (parameter.dim() >= 2 ? decayed : plain).parameters.emplace_back(item.key(), parameter);
  }
  return {std::move(decayed), std::move(plain)};
}

}  // namespace nearfar
