// A recipe under observation: which of its functions threw, and which drew from LibTorch's
// generator.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "framework/recipe/recipe.h"

namespace nearfar {

/// Forwards to a recipe, which is its child module "recipe". Whatever a function throws becomes a
/// RecipeThrew (named_errors.h).
class WatchedRecipe final : public Recipe {
 public:
  /// `watches_generator`: LibTorch's generator is compared before and after each call; it is one
  /// for all threads, so no two recipes may be watched at a time.
  WatchedRecipe(std::shared_ptr<Recipe> recipe, bool watches_generator);

  std::vector<ViewPolicy> views() const override;
  std::vector<bool> shuffled_views() const override;
  Embeddings embed(const Batch& batch) override;
  Loss loss(const Embeddings& embeddings, const Batch& batch) override;
  void after_step(const Embeddings& embeddings, const Batch& batch) override;
  void before_epoch(EpochContext& context) override;
  std::vector<ParameterGroup> parameter_groups() override;
  std::vector<Follower> followers() override;
  std::shared_ptr<Encoder> encoder() const override;

  Recipe& inner() { return *recipe_; }
  /// The functions that left the generator in another state, in order, each once.
  const std::vector<std::string>& drew() const { return drew_; }

 private:
  template <typename Body>
  auto watch(const char* function, const Body& body) const;
  void note_draw(const char* function) const;

  std::shared_ptr<Recipe> recipe_;
  bool watches_generator_;
  mutable std::vector<std::string> drew_;
};

}  // namespace nearfar
