// A recipe whose library writes the file CANARY_FILE as soon as any of its code runs, and fails
// then as CANARY_FAULT says.
#include <csignal>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>

#include "augment/two_views.h"
#include "framework/recipe/plugin.h"

namespace nearfar {
namespace {

struct Canary {
  Canary() {
    if (const char* path = std::getenv("CANARY_FILE")) std::ofstream(path) << "sang\n";
    const char* variable = std::getenv("CANARY_FAULT");
    const std::string fault = variable == nullptr ? "" : variable;
    if (fault == "exception") throw std::runtime_error("no licence");
    if (fault == "number") throw 7;
    if (fault == "terminate") std::terminate();
    if (fault == "signal") std::raise(SIGSEGV);
    if (fault == "exit") std::exit(0);
  }
};
const Canary canary;

struct CanaryConfig {
  TwoViews views;
  void describe(auto& field) { views.describe(field); }
};

/// Features of one view, drawn together.
class CanaryRecipe final : public Recipe {
 public:
  CanaryRecipe(const CanaryConfig& config, const Setup& setup)
      : view_(config.views.first),
        encoder_(register_module("encoder", setup.make_encoder(config.views.first.size))) {}

  std::vector<ViewPolicy> views() const override { return {view_}; }
  Embeddings embed(const Batch& batch) override {
    Random random = batch.random;
    return {encoder_->forward(batch.views[0], random)};
  }
  Loss loss(const Embeddings& embeddings, const Batch&) override {
    return {embeddings[0].square().mean(), 0.0, {}};
  }
  std::shared_ptr<Encoder> encoder() const override { return encoder_; }

 private:
  ViewPolicy view_;
  std::shared_ptr<Encoder> encoder_;
};

}  // namespace
}  // namespace nearfar

NEARFAR_RECIPE(nearfar::CanaryRecipe, nearfar::CanaryConfig, "canary",
               "leaves a mark when it is loaded, or fails: for tests", "none")
