// Observing calls.
#include "framework/conformance/watched_recipe.h"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/types.h>

#include <algorithm>
#include <utility>

#include "framework/conformance/named_errors.h"

namespace nearfar {
namespace {

at::Tensor generator_state() { return at::detail::getDefaultCPUGenerator().get_state(); }

}  // namespace

WatchedRecipe::WatchedRecipe(std::shared_ptr<Recipe> recipe, bool watches_generator)
    : recipe_(register_module("recipe", std::move(recipe))),
      watches_generator_(watches_generator) {}

void WatchedRecipe::note_draw(const char* function) const {
  if (std::find(drew_.begin(), drew_.end(), function) == drew_.end()) drew_.push_back(function);
}

template <typename Body>
auto WatchedRecipe::watch(const char* function, const Body& body) const {
  if (!watches_generator_) return named_errors(function, body);
  // Noted when the call is over, whatever it returns.
  struct Comparison {
    const WatchedRecipe& owner;
    const char* function;
    at::Tensor before = generator_state();
    ~Comparison() {
      if (!generator_state().equal(before)) owner.note_draw(function);
    }
  };
  const Comparison comparison{*this, function};
  return named_errors(function, body);
}

std::vector<ViewPolicy> WatchedRecipe::views() const {
  return watch("views()", [&] { return recipe_->views(); });
}

std::vector<bool> WatchedRecipe::shuffled_views() const {
  return watch("shuffled_views()", [&] { return recipe_->shuffled_views(); });
}

Embeddings WatchedRecipe::embed(const Batch& batch) {
  return watch("embed()", [&] { return recipe_->embed(batch); });
}

Loss WatchedRecipe::loss(const Embeddings& embeddings, const Batch& batch) {
  return watch("loss()", [&] { return recipe_->loss(embeddings, batch); });
}

void WatchedRecipe::after_step(const Embeddings& embeddings, const Batch& batch) {
  watch("after_step()", [&] { recipe_->after_step(embeddings, batch); });
}

void WatchedRecipe::before_epoch(EpochContext& context) {
  watch("before_epoch()", [&] { recipe_->before_epoch(context); });
}

std::vector<ParameterGroup> WatchedRecipe::parameter_groups() {
  return watch("parameter_groups()", [&] { return recipe_->parameter_groups(); });
}

std::vector<Follower> WatchedRecipe::followers() {
  return watch("followers()", [&] { return recipe_->followers(); });
}

std::shared_ptr<Encoder> WatchedRecipe::encoder() const {
  return watch("encoder()", [&] { return recipe_->encoder(); });
}

}  // namespace nearfar
