// Losses without negatives and losses on statistics, on named tensors.
#include <torch/types.h>

#include "framework/losses/agreement_losses.h"
#include "framework/losses/redundancy.h"
#include "tools/formulas/loss_formulas.h"

namespace nearfar {
namespace {

const std::vector<FormulaInput> kPredictions{{"p1", "N d"},
                                             {"p2", "N d"},
                                             {"z1", "N d", InputKind::constant},
                                             {"z2", "N d", InputKind::constant}};

Computed byol(const TensorsByName& inputs, const NoConfig&) {
  WholeBatch whole(inputs.at("p1"));
  return {byol_loss(whole.group, inputs.at("p1"), inputs.at("p2"), inputs.at("z1"), inputs.at("z2"),
                    whole.shard),
          {}};
}

Computed simsiam(const TensorsByName& inputs, const NoConfig&) {
  WholeBatch whole(inputs.at("p1"));
  return {simsiam_loss(whole.group, inputs.at("p1"), inputs.at("p2"), inputs.at("z1"),
                       inputs.at("z2"), whole.shard),
          {}};
}

struct DinoConfig {
  DinoTemperatures temperatures;
  double center_momentum = 0.9;
  void describe(auto& field) {
    field("student_temperature", temperatures.student, 0.001, 10.0, "of the student");
    field("teacher_temperature", temperatures.teacher, 0.001, 10.0, "of the teacher: sharper");
    field("center_momentum", center_momentum, 0.0, 1.0, "of the centre");
  }
};

Computed dino(const TensorsByName& inputs, const DinoConfig& config) {
  const at::Tensor &teacher = inputs.at("teacher"), &center = inputs.at("center");
  WholeBatch whole(teacher[0]);
  return {dino_loss(whole.group, teacher, inputs.at("student"), center, config.temperatures,
                    whole.shard),
          {{"center_after",
            moved_center(whole.group, teacher, center, config.center_momentum, whole.shard)}}};
}

struct BarlowConfig {
  BarlowTwins options;
  void describe(auto& field) {
    field("lambda", options.lambda, 0.0, 1e6, "of the off-diagonal terms");
    field("scale", options.scale, 0.0, 1e6, "of everything");
    field("eps", options.epsilon, 0.0, 1.0, "added to the variances");
  }
};

Computed barlow(const TensorsByName& inputs, const BarlowConfig& config) {
  WholeBatch whole(inputs.at("z1"));
  return {
      barlow_twins_loss(whole.group, inputs.at("z1"), inputs.at("z2"), config.options, whole.shard),
      {}};
}

struct VicRegConfig {
  VicReg options;
  void describe(auto& field) {
    field("invariance_weight", options.invariance, 0.0, 1e6, "weight of the invariance term");
    field("variance_weight", options.variance, 0.0, 1e6, "weight of the variance term");
    field("covariance_weight", options.covariance, 0.0, 1e6, "weight of the covariance term");
    field("eps", options.epsilon, 0.0, 1.0, "added to the variances");
  }
};

Computed vicreg(const TensorsByName& inputs, const VicRegConfig& config) {
  WholeBatch whole(inputs.at("z1"));
  const VicRegTerms terms =
      vicreg_loss(whole.group, inputs.at("z1"), inputs.at("z2"), config.options, whole.shard);
  return {terms.loss,
          {{"invariance", terms.invariance},
           {"variance", terms.variance},
           {"covariance", terms.covariance}}};
}

struct UniformityConfig {
  AlignmentUniformity options;
  void describe(auto& field) {
    field("alpha", options.alpha, 1.0, 100.0, "exponent of the distance of two views");
    field("t", options.t, 1e-3, 1e3, "sharpness of the potential");
    field("lambda", options.lambda, 0.0, 1e6, "weight of uniformity");
  }
};

Computed uniform(const TensorsByName& inputs, const UniformityConfig& config) {
  WholeBatch whole(inputs.at("z1"));
  const AlignmentUniformityTerms terms = alignment_uniformity(
      whole.group, inputs.at("z1"), inputs.at("z2"), config.options, whole.shard);
  return {terms.loss,
          {{"alignment", terms.alignment},
           {"uniformity1", terms.uniformity1},
           {"uniformity2", terms.uniformity2}}};
}

}  // namespace

void add_agreement_formulas(std::vector<Formula>& formulas) {
  const std::vector<FormulaInput> views{{"z1", "N d"}, {"z2", "N d"}};
  formulas.push_back(make_formula<NoConfig>("byol", "mean (2 - 2 cos(p1, z2)) + the other way",
                                            "Grill et al. 2020, BYOL", kPredictions, byol));
  formulas.push_back(make_formula<NoConfig>("simsiam", "-(mean cos(p1, z2) + mean cos(p2, z1)) / 2",
                                            "Chen and He 2021, SimSiam", kPredictions, simsiam));
  formulas.push_back(make_formula<DinoConfig>(
      "dino", "mean cross entropy of each student view against each other teacher view",
      "Caron et al. 2021, DINO",
      {{"teacher", "2 B K", InputKind::constant},
       {"student", "V B K"},
       {"center", "K", InputKind::constant}},
      dino));
  formulas.push_back(make_formula<BarlowConfig>(
      "barlow_twins", "scale (sum (1 - C_ii)^2 + lambda sum_{i != j} C_ij^2)",
      "Zbontar et al. 2021", views, barlow));
  formulas.push_back(make_formula<VicRegConfig>(
      "vicreg", "25 invariance + 25 variance + 1 covariance, of all rows", "Bardes et al. 2022",
      views, vicreg));
  formulas.push_back(make_formula<UniformityConfig>(
      "alignment_uniformity", "mean |x - y|^alpha + lambda (uniformity(z1) + uniformity(z2)) / 2",
      "Wang and Isola 2020", views, uniform));
}

}  // namespace nearfar
