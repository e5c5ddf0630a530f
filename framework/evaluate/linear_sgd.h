// The papers' linear probe: SGD on augmented views of a frozen encoder, all learning rates at once.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "framework/evaluate/choice.h"
#include "framework/evaluate/classifier_stack.h"
#include "framework/evaluate/scores.h"
#include "framework/evaluate/training_views.h"

namespace nearfar {

/// Published settings, all with momentum 0.9 and no weight decay: MoCo (main_lincls.py) rate 30 at
/// batch 256, 100 epochs, schedule step at 60 and 80; SimCLR (Chen et al. 2020, B.6) rate 0.1 times
/// batch / 256, Nesterov, 90 epochs; DINOv2 (dinov2/eval/linear.py) thirteen rates from 1e-5 to 0.1
/// times batch / 256, cosine, of which it takes the best on the set it reports; here held-out
/// training images decide.
struct LinearSgdConfig {
  int64_t epochs = 10;
  int64_t min_steps = 300;
  int64_t batch = 256;
  std::vector<double> learning_rate = {0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0};
  std::vector<double> weight_decay = {0.0};
  double momentum = 0.9;
  bool nesterov = false;
  std::string schedule = "cosine";
  std::vector<double> milestones = {0.6, 0.8};
  int64_t folds = 5;
  int64_t all_folds_up_to = 2000;
  bool augment = true;
  ProbeViews view;

  void describe(auto& field) {
    field("epochs", epochs, int64_t{1}, int64_t{1} << 31, "passes over the labelled images");
    field("min_steps", min_steps, int64_t{0}, int64_t{1} << 40,
          "few labelled images are passed more often, until so many steps are made");
    field("batch", batch, int64_t{1}, int64_t{1} << 24,
          "images per step; at most all labelled ones");
    field("learning_rate", learning_rate, 0.0, 1e6,
          "rates trained at once, each times batch / 256; one is chosen on held-out labels");
    field("weight_decay", weight_decay, 0.0, 10.0,
          "L2 decays trained at once, each with every rate");
    field("momentum", momentum, 0.0, 1.0, "momentum of the update");
    field("nesterov", nesterov, "Nesterov's momentum");
    field("schedule", schedule, {"cosine", "step", "constant"},
          "of the rates over the steps; step: times 0.1 at each milestone");
    field("milestones", milestones, 0.0, 1.0, "shares of the steps at which schedule=step drops");
    field("folds", folds, int64_t{2}, int64_t{100},
          "one part in so many of the labelled images is held out to choose the rate");
    field("all_folds_up_to", all_folds_up_to, int64_t{0}, int64_t{1} << 40,
          "with at most so many labelled images every part is held out in turn");
    field("augment", augment, "train on random crops and flips; false: on the images as judged");
    field("view", view, "how the training views are drawn");
  }
};

/// The labelled images, and the images that the probe is tested on.
struct ProbeData {
  at::Tensor positions;    // [m] int64 in the training set
  at::Tensor train;        // [m, d] features of the labelled images as judged
  at::Tensor train_label;  // [m] int64
  at::Tensor test;         // [Q, d]
  at::Tensor test_label;   // [Q] int64
  int64_t classes = 0;
};

struct LinearSgdResult {
  Accuracy accuracy;             // on the test set, of the chosen setting
  size_t chosen = 0;             // position in linear_sgd_settings
  std::vector<double> held_out;  // top-1 of every setting on the held-out images
  int64_t parts = 0;             // held-out parts; 0: too few images to choose, the first holds
  int64_t batch = 0;             // images per step
  int64_t epochs = 0;
};

/// Every rate with every decay, decays outermost; rates before scaling.
std::vector<SgdSetting> linear_sgd_settings(const LinearSgdConfig& config);

/// The share of its rate that a classifier has after `done` of all steps, in [0, 1).
double rate_factor(const LinearSgdConfig& config, double done);

/// Throws ConfigError for an empty list of rates or decays.
void check_linear_sgd(const LinearSgdConfig& config);

/// Trains one stack of classifiers for each held-out part on the images outside of it, and one on
/// all labelled images, from the same encoded views; takes the setting that `choose` finds by the
/// held-out top-1 and judges the classifier of that setting that learned from all labelled images.
/// Nothing of the test set enters but the final accuracy.
LinearSgdResult linear_sgd(const TrainingViews& views, const ProbeData& data,
                           const LinearSgdConfig& config, uint64_t seed,
                           const Choose& choose = best_held_out);

}  // namespace nearfar
