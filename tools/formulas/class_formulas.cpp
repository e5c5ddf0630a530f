// Softmax losses over classes on named tensors.
#include <torch/types.h>

#include "framework/losses/class_softmax.h"
#include "tools/formulas/loss_formulas.h"

namespace nearfar {
namespace {

const std::vector<FormulaInput> kClasses{
    {"embeddings", "N d"}, {"weight", "C d"}, {"label", "N", InputKind::index}};

Computed plain(const TensorsByName& inputs, const NoConfig&) {
  WholeBatch whole(inputs.at("embeddings"));
  return {softmax_loss(whole.group, inputs.at("embeddings"), all_classes(inputs.at("weight")),
                       inputs.at("bias"), inputs.at("label"), whole.shard),
          {}};
}

Computed normalized(const TensorsByName& inputs, const TemperatureConfig& config) {
  WholeBatch whole(inputs.at("embeddings"));
  return {normalized_softmax(whole.group, inputs.at("embeddings"), all_classes(inputs.at("weight")),
                             inputs.at("label"), config.temperature, whole.shard),
          {}};
}

struct MarginsConfig {
  AngularMargins margins;
  std::string beyond_pi = "plain";
  void describe(auto& field) {
    field("scale", margins.scale, 1e-3, 1e6, "of the cosines");
    field("m1", margins.m1, 0.0, 100.0, "times the target's angle");
    field("m2", margins.m2, 0.0, 100.0, "added to it, in radians");
    field("m3", margins.m3, 0.0, 100.0, "taken from its cosine");
    field("beyond_pi", beyond_pi, {"plain", "monotone"}, "what becomes of angles beyond pi");
  }
};

Computed with_margins(const TensorsByName& inputs, const MarginsConfig& config) {
  WholeBatch whole(inputs.at("embeddings"));
  AngularMargins margins = config.margins;
  margins.monotone = config.beyond_pi == "monotone";
  return {combined_margin(whole.group, inputs.at("embeddings"), all_classes(inputs.at("weight")),
                          inputs.at("label"), margins, whole.shard),
          {}};
}

struct ASoftmaxConfig {
  int64_t m = 4;
  double lambda = 0.0;
  void describe(auto& field) {
    field("m", m, int64_t{1}, int64_t{16}, "times the target's angle");
    field("lambda", lambda, 0.0, 1e9, "share of the plain cosine, for annealing");
  }
};

Computed sphere(const TensorsByName& inputs, const ASoftmaxConfig& config) {
  WholeBatch whole(inputs.at("embeddings"));
  return {a_softmax(whole.group, inputs.at("embeddings"), all_classes(inputs.at("weight")),
                    inputs.at("label"), config.m, config.lambda, whole.shard),
          {}};
}

struct LambdaConfig {
  LambdaSchedule schedule;
  void describe(auto& field) {
    field("base", schedule.base, 0.0, 1e12, "lambda at step 0");
    field("gamma", schedule.gamma, 0.0, 1e6, "how fast it falls");
    field("power", schedule.power, 0.0, 100.0, "how steeply");
    field("lambda_min", schedule.lowest, 0.0, 1e12, "the lowest");
  }
};

Computed lambdas(const TensorsByName& inputs, const LambdaConfig& config) {
  const at::Tensor& steps = inputs.at("iterations");
  const at::Tensor values = at::empty(steps.sizes(), at::kDouble);
  for (int64_t i = 0; i < steps.numel(); ++i) {
    values[i].fill_(config.schedule.at(steps[i].item<int64_t>()));
  }
  return {{}, {{"lambda", values}}};
}

struct CenterConfig {
  double alpha = 0.5;
  void describe(auto& field) { field("alpha", alpha, 0.0, 1.0, "how far centres move"); }
};

Computed centers(const TensorsByName& inputs, const CenterConfig& config) {
  const at::Tensor &rows = inputs.at("embeddings"), &all = inputs.at("centers");
  WholeBatch whole(rows);
  return {center_loss(whole.group, rows, all, inputs.at("label"), whole.shard),
          {{"centers_after", moved_centers(whole.group, rows.detach(), all.detach(),
                                           inputs.at("label"), config.alpha)}}};
}

}  // namespace

void add_class_formulas(std::vector<Formula>& formulas) {
  std::vector<FormulaInput> with_bias = kClasses;
  with_bias.push_back({"bias", "C"});
  formulas.push_back(make_formula<NoConfig>(
      "softmax", "mean cross entropy of embeddings weight^T + bias", "", with_bias, plain));
  formulas.push_back(make_formula<TemperatureConfig>(
      "normalized_softmax", "mean cross entropy of cos(embeddings, weight) / temperature",
      "Wang et al. 2017, NormFace", kClasses, normalized));
  formulas.push_back(make_formula<MarginsConfig>(
      "combined_margin", "the target's logit is scale (cos(m1 theta + m2) - m3)",
      "Deng et al. 2019, ArcFace; Wang et al. 2018, CosFace", kClasses, with_margins));
  formulas.push_back(make_formula<ASoftmaxConfig>(
      "a_softmax", "the target's logit is |x| (lambda cos(theta) + psi(theta)) / (1 + lambda)",
      "Liu et al. 2017, SphereFace", kClasses, sphere));
  formulas.push_back(make_formula<LambdaConfig>(
      "a_softmax_lambda", "max(lambda_min, base (1 + gamma t)^-power)", "Liu et al. 2017",
      {{"iterations", "T", InputKind::index}}, lambdas));
  formulas.push_back(make_formula<CenterConfig>(
      "center_loss", "1/2 mean |x - c_y|^2", "Wen et al. 2016",
      {{"embeddings", "N d"}, {"centers", "C d"}, {"label", "N", InputKind::index}}, centers));
}

}  // namespace nearfar
