// Seeding and making as one.
#include "framework/recipe/make_recipe.h"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/types.h>

#include <mutex>

#include "framework/recipe/contained.h"

namespace nearfar {
namespace {

/// LibTorch's generator at a seed, until the object goes.
class SeededGenerator {
 public:
  explicit SeededGenerator(uint64_t seed)
      : generator_(at::detail::getDefaultCPUGenerator()), before_(generator_.get_state()) {
    generator_.set_current_seed(seed);
  }
  ~SeededGenerator() { generator_.set_state(before_); }
  SeededGenerator(const SeededGenerator&) = delete;
  SeededGenerator& operator=(const SeededGenerator&) = delete;

 private:
  at::Generator generator_;
  at::Tensor before_;
};

}  // namespace

std::shared_ptr<Recipe> make_recipe(const RecipePlugin& plugin, const void* config,
                                    const Setup& setup) {
  // One for all threads.
  static std::mutex generator;
  const std::lock_guard lock(generator);
  const SeededGenerator seeded(setup.plan.seed);
  return contained_recipe(
      contained(plugin.name, "constructor", [&] { return plugin.make(config, setup); }),
      plugin.name);
}

}  // namespace nearfar
