// A config with every kind of field, nested two deep, for the tests of this folder.
#pragma once

#include <limits>

#include "framework/config/settings.h"

namespace nearfar {

struct ExampleConfig {
  struct Recipe {
    std::string name = "simclr";
    double temperature = 0.1;
    std::vector<double> scale = {0.2, 1.0};
    struct Head {
      int64_t width = 128;
      bool bias = false;
      void describe(auto& field) {
        field("width", width, 1, 4096, "size of the embedding");
        field("bias", bias, "adds a bias to the last layer");
      }
    } head;
    void describe(auto& field) {
      field("name", name, "which recipe | method");
      field("temperature", temperature, 0.001, 10.0, "lower punishes near misses harder");
      field("scale", scale, 0.0, 1.0, "areas of the crops");
      field("head", head, "the projection head");
    }
  } recipe;
  struct Train {
    int64_t batch = 256;
    std::vector<int64_t> steps = {};
    double limit = 5.0;
    std::vector<std::string> classes = {"cat"};
    void describe(auto& field) {
      field("batch", batch, 1, 1 << 20, "images of a step");
      field("steps", steps, 0, std::numeric_limits<int64_t>::max(), "when the rate drops");
      field("limit", limit, 0.0, std::numeric_limits<double>::infinity(), "largest gradient");
      field("classes", classes, "what is told apart");
    }
  } train;
  struct Optimizer {
    std::string name = "sgd";
    void describe(auto& field) { field("name", name, {"sgd", "lars"}, "the update rule"); }
  } optimizer;
  std::string device = "auto";

  void describe(auto& field) {
    field("recipe", recipe, "the method");
    field("train", train, "the loop");
    field("optimizer", optimizer, "the optimiser");
    field("device", device, {"cpu", "cuda", "auto"}, "where it runs");
  }
};

inline Describe describe(ExampleConfig& config) {
  return [&config](Fields& fields) { config.describe(fields); };
}

/// The keys of ExampleConfig in declaration order.
inline const std::vector<std::string> kExampleKeys = {
    "recipe.name",      "recipe.temperature", "recipe.scale", "recipe.head.width",
    "recipe.head.bias", "train.batch",        "train.steps",  "train.limit",
    "train.classes",    "optimizer.name",     "device"};

}  // namespace nearfar
