// The settings of every loss of supervised metric learning; a recipe's own keys, group by group.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace nearfar {

/// The names of all losses, as metric_loss.cpp makes them, and of the miners of triplets.
const std::vector<std::string>& metric_loss_names();
const std::vector<std::string>& miner_names();

struct ClassLossConfig {
  double temperature = 0.05;  // Zhai and Wu 2019
  double arcface_scale = 64.0;
  double arcface_margin = 0.5;
  bool monotone = false;
  double cosface_scale = 64.0;
  double cosface_margin = 0.35;
  int64_t m = 4;
  double lambda_base = 1000.0;
  double lambda_gamma = 0.12;
  double lambda_power = 1.0;
  double lambda_lowest = 5.0;
  double center_weight = 0.003;  // Wen et al. 2016, section 4.1
  double center_rate = 0.5;

  void describe(auto& field) {
    field("temperature", temperature, 0.001, 10.0, "normalized_softmax: divides the cosines");
    field("arcface_scale", arcface_scale, 0.1, 1000.0, "arcface: multiplies the cosines");
    field("arcface_margin", arcface_margin, 0.0, 3.14, "arcface: added to the angle, in radians");
    field("monotone", monotone,
          "arcface: beyond pi - margin the target's logit keeps falling (insightface)");
    field("cosface_scale", cosface_scale, 0.1, 1000.0, "cosface: multiplies the cosines");
    field("cosface_margin", cosface_margin, 0.0, 2.0, "cosface: taken off the target's cosine");
    field("m", m, int64_t{1}, int64_t{16}, "a_softmax: multiplies the target's angle");
    field("lambda_base", lambda_base, 0.0, 1e9,
          "a_softmax: lambda at step s is max(lowest, base (1 + gamma s)^-power)");
    field("lambda_gamma", lambda_gamma, 0.0, 1e6, "a_softmax: how fast lambda falls");
    field("lambda_power", lambda_power, 0.0, 10.0, "a_softmax: the power with which it falls");
    field("lambda_lowest", lambda_lowest, 0.0, 1e9, "a_softmax: what lambda falls to");
    field("center_weight", center_weight, 0.0, 1000.0, "center: of the distance to the centre");
    field("center_rate", center_rate, 0.0, 1.0, "center: how far centres move in a step");
  }
};

struct PairLossConfig {
  double positive_margin = 0.0;
  double negative_margin = 1.0;
  double lifted_margin = 1.0;
  double alpha = 2.0;
  double beta = 50.0;
  double base = 0.5;
  double circle_margin = 0.25;
  double gamma = 256.0;
  double temperature = 0.1;
  std::string form = "mean_outside_log";

  void describe(auto& field) {
    field("positive_margin", positive_margin, 0.0, 2.0,
          "contrastive: images of a class that are nearer are near enough");
    field("negative_margin", negative_margin, 0.0, 2.0,
          "contrastive: images of two classes that are farther are far enough");
    field("lifted_margin", lifted_margin, 0.0, 1000.0, "lifted_structure: the margin");
    field("alpha", alpha, 1e-3, 1000.0, "multi_similarity: weighs similarities within a class");
    field("beta", beta, 1e-3, 1000.0, "multi_similarity: weighs similarities of two classes");
    field("base", base, -1.0, 1.0, "multi_similarity: where a cosine counts neither way");
    field("circle_margin", circle_margin, -1.0, 1.0, "circle: the relaxation m");
    field("gamma", gamma, 1e-3, 1e5, "circle: the scale");
    field("temperature", temperature, 0.001, 10.0, "sup_con: divides the cosines");
    field("form", form, {"mean_outside_log", "mean_inside_log"},
          "sup_con: where the mean over the images of a class stands (Khosla et al. 2020, "
          "equations 2 and 3)");
  }
};

struct TripletLossConfig {
  double margin = 0.2;
  bool squared = false;
  bool normalize = true;
  std::string reduction = "nonzero";
  double margin_alpha = 0.2;
  double margin_beta = 1.2;
  double cutoff = 0.5;
  double farthest = 1.4;

  void describe(auto& field) {
    field("margin", margin, 0.0, 1000.0, "by which other classes are farther than the own one");
    field("squared", squared, "squared distances; the miner facenet takes them always");
    field("normalize", normalize, "embeddings of length one; facenet and distance_weighted always");
    field("reduction", reduction, {"nonzero", "mean"},
          "what the mean is over: triplets that cost something (Hermans et al. 2017), or all of "
          "the miner's kind");
    field("margin_alpha", margin_alpha, 0.0, 2.0,
          "distance_weighted: half the gap around beta (Wu et al. 2017)");
    field("margin_beta", margin_beta, 0.0, 2.0,
          "distance_weighted: the boundary between near and far that learning starts from");
    field("cutoff", cutoff, 0.0, 2.0, "distance_weighted: nearer images count as that far");
    field("farthest", farthest, 0.0, 2.0, "distance_weighted: farther images are not drawn");
  }
};

struct NPairConfig {
  std::string form = "multi_class";
  double l2 = 0.02;

  void describe(auto& field) {
    field("form", form, {"multi_class", "one_versus_one"},
          "all other classes in one sum, or a term for each (Sohn 2016, equations 6 and 7)");
    field("l2", l2, 0.0, 1000.0, "weight of the mean squared length of embeddings");
  }
};

struct TargetLossConfig {
  bool squared = true;
  double epsilon = 1e-6;
  double scale = 1.0;

  void describe(auto& field) {
    field("squared", squared,
          "log_ratio: squared distances (Kim et al. 2019), else plain ones (the released code)");
    field("epsilon", epsilon, 0.0, 1.0, "log_ratio: added to every distance");
    field("scale", scale, 1e-6, 1e6,
          "regression: targets that far apart want a cosine of 1/e, equal ones of 1");
  }
};

struct MetricLossConfig {
  std::string loss = "triplet";
  std::string miner = "batch_hard";
  ClassLossConfig classes;
  PairLossConfig pairs;
  TripletLossConfig triplet;
  NPairConfig n_pair;
  TargetLossConfig targets;

  void describe(auto& field) {
    field("loss", loss, metric_loss_names(), "how the similarity is learned");
    field("miner", miner, miner_names(), "which triplets loss=triplet is of");
    field("classes", classes,
          "softmax, normalized_softmax, arcface, cosface, a_softmax, center: a weight for each "
          "class");
    field("pairs", pairs, "contrastive, lifted_structure, multi_similarity, circle, sup_con");
    field("triplet", triplet, "triplets");
    field("n_pair", n_pair, "N-pair losses");
    field("targets", targets, "log_ratio, regression: real-valued targets");
  }
};

}  // namespace nearfar
