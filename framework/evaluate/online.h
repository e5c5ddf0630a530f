// Judging while a run trains: a seeded sample of the labelled training images, a part of it held
// out.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "framework/evaluate/linear_probe.h"

namespace nearfar {

struct OnlineConfig {
  std::string methods = "knn,linear";
  int64_t images = 10000;
  int64_t folds = 5;
  int64_t k = 20;
  double temperature = 0.07;

  void describe(auto& field) {
    field("methods", methods, {"knn,linear", "knn", "linear"},
          "knn: neighbours at one setting; linear: logistic regression as evaluate.linear says");
    field("images", images, int64_t{10}, int64_t{1} << 40,
          "at most so many labelled training images, drawn by evaluate.seed");
    field("folds", folds, int64_t{2}, int64_t{100},
          "one part in so many of them is judged, by the labels of the others");
    field("k", k, int64_t{1}, int64_t{100000}, "neighbours that vote");
    field("temperature", temperature, 0.002, 100.0, "of the vote exp(cosine / temperature)");
  }
};

/// Positions in the training set: those whose labels are learned from, and those that are judged.
struct OnlineSplit {
  at::Tensor learned;  // [n] int64, ascending
  at::Tensor judged;   // [m] int64, ascending
};

/// A random sample of the images with a label (>= 0), split by class; a pure function of its
/// arguments. label [N] int64 in [-1, classes). A part is empty where there are too few.
OnlineSplit online_split(const at::Tensor& label, int64_t classes, const OnlineConfig& config,
                         uint64_t seed);

/// Top-1 on the judged images by method, in the order of config.methods. Features [., d] float32,
/// labels int64; L2 of the linear probe is chosen inside the learned images.
std::vector<std::pair<std::string, double>> judge_online(
    const at::Tensor& learned, const at::Tensor& learned_label, const at::Tensor& judged,
    const at::Tensor& judged_label, int64_t classes, const OnlineConfig& config,
    const LinearProbeConfig& linear, uint64_t seed);

}  // namespace nearfar
