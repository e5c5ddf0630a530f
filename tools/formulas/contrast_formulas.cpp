// Contrastive losses on named tensors.
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include "framework/losses/info_nce.h"
#include "framework/losses/moco.h"
#include "framework/losses/nt_xent.h"
#include "framework/losses/weighted_contrast.h"
#include "tools/formulas/loss_formulas.h"

namespace nearfar {
namespace {

Computed two_views(const TensorsByName& inputs, const TemperatureConfig& config) {
  WholeBatch whole(inputs.at("z1"));
  return {nt_xent(whole.group, inputs.at("z1"), inputs.at("z2"), config.temperature, whole.shard),
          {}};
}

struct PairsConfig : TemperatureConfig {
  bool symmetric = false;
  void describe(auto& field) {
    TemperatureConfig::describe(field);
    field("symmetric", symmetric, "the mean of both directions");
  }
};

Computed pairs(const TensorsByName& inputs, const PairsConfig& config) {
  WholeBatch whole(inputs.at("query"));
  return {info_nce(whole.group, inputs.at("query"), inputs.at("key"), config.temperature,
                   whole.shard, config.symmetric ? Directions::both : Directions::query_to_key),
          {}};
}

Computed queue(const TensorsByName& inputs, const TemperatureConfig& config) {
  WholeBatch whole(inputs.at("query"));
  return {moco_loss(whole.group, inputs.at("query"), inputs.at("key"),
                    {inputs.at("queue"), {}, false}, config.temperature, whole.shard),
          {}};
}

Computed moco_v3(const TensorsByName& inputs, const TemperatureConfig& config) {
  WholeBatch whole(inputs.at("q1"));
  return {moco_v3_loss(whole.group, inputs.at("q1"), inputs.at("q2"), inputs.at("k1"),
                       inputs.at("k2"), config.temperature, whole.shard),
          {}};
}

Computed decoupled(const TensorsByName& inputs, const TemperatureConfig& config) {
  WholeBatch whole(inputs.at("z1"));
  return {decoupled_loss(whole.group, inputs.at("z1"), inputs.at("z2"), config.temperature,
                         std::nullopt, whole.shard)
              .loss,
          {}};
}

struct WeightedConfig : TemperatureConfig {
  double sigma = 0.5;
  void describe(auto& field) {
    TemperatureConfig::describe(field);
    field("sigma", sigma, 1e-3, 1e3, "of the weight: lower weighs hard positives more");
  }
};

Computed weighted(const TensorsByName& inputs, const WeightedConfig& config) {
  const at::Tensor &z1 = inputs.at("z1"), &z2 = inputs.at("z2");
  WholeBatch whole(z1);
  const auto loss = [&](bool with_gradient) {
    return decoupled_loss(whole.group, z1, z2, config.temperature,
                          PositiveWeight{config.sigma, with_gradient}, whole.shard);
  };
  const auto through = torch::autograd::grad({loss(true).loss}, {z1, z2});
  const Decoupled stopped = loss(false);
  return {stopped.loss,
          {{"weight", stopped.weight_n},
           {"grad_through_weight.z1", through[0]},
           {"grad_through_weight.z2", through[1]}}};
}

struct HardNegativeConfig {
  HardNegatives options;
  void describe(auto& field) {
    field("temperature", options.temperature, 0.001, 10.0, "lower punishes near misses harder");
    field("beta", options.beta, 0.0, 1e3, "how much nearer negatives count more");
    field("tau_plus", options.tau_plus, 0.0, 0.999, "share of negatives of the anchor's class");
  }
};

Computed hard_negatives(const TensorsByName& inputs, const HardNegativeConfig& config) {
  WholeBatch whole(inputs.at("z1"));
  const HardNegativeLoss result = hard_negative_loss(whole.group, inputs.at("z1"), inputs.at("z2"),
                                                     config.options, whole.shard);
  return {result.loss, {{"clamped", result.clamped}}};
}

struct SupConConfig : TemperatureConfig {
  std::string kind = "out";
  void describe(auto& field) {
    TemperatureConfig::describe(field);
    field("kind", kind, {"out", "in"}, "the mean over positives outside or inside the logarithm");
  }
};

Computed supervised(const TensorsByName& inputs, const SupConConfig& config) {
  WholeBatch whole(inputs.at("embeddings"));
  const SupConForm form =
      config.kind == "in" ? SupConForm::mean_inside_log : SupConForm::mean_outside_log;
  return {sup_con(whole.group, inputs.at("embeddings"), inputs.at("label"), config.temperature,
                  form, whole.shard),
          {}};
}

void add_streaming(std::vector<Formula>& formulas) {
  const FormulaInput query{"query", "N d"};
  formulas.push_back(make_formula<TemperatureConfig>(
      "nt_xent", "mean cross entropy of the other view among the 2N - 1 other rows",
      "Chen et al. 2020, SimCLR", {{"z1", "N d"}, {"z2", "N d"}}, two_views));
  formulas.push_back(make_formula<PairsConfig>(
      "info_nce_pairs", "mean cross entropy of the diagonal of cos(query, key) / temperature",
      "van den Oord et al. 2018; Radford et al. 2021", {query, {"key", "N d"}}, pairs));
  formulas.push_back(make_formula<TemperatureConfig>(
      "info_nce_queue", "mean cross entropy of the key among itself and the queue",
      "He et al. 2020, MoCo",
      {query, {"key", "N d", InputKind::constant}, {"queue", "K d", InputKind::constant}}, queue));
  formulas.push_back(make_formula<TemperatureConfig>(
      "moco_v3", "ctr(q1, k2) + ctr(q2, k1), ctr = 2 T cross entropy of the diagonal",
      "Chen, Xie and He 2021, MoCo v3",
      {{"q1", "N d"},
       {"q2", "N d"},
       {"k1", "N d", InputKind::constant},
       {"k2", "N d", InputKind::constant}},
      moco_v3));
}

}  // namespace

void add_contrast_formulas(std::vector<Formula>& formulas) {
  add_streaming(formulas);
  const std::vector<FormulaInput> views{{"z1", "N d"}, {"z2", "N d"}};
  formulas.push_back(make_formula<TemperatureConfig>(
      "dcl", "mean -cos(positive) / T + logsumexp over the 2N - 2 negatives",
      "Yeh et al. 2022, DCL", views, decoupled));
  formulas.push_back(make_formula<WeightedConfig>(
      "dclw", "DCL with 2 - exp(c / sigma) / mean exp(c / sigma) before the positive",
      "Yeh et al. 2022, DCLW", views, weighted));
  formulas.push_back(make_formula<HardNegativeConfig>(
      "hard_negative", "-log(e+ / (e+ + Ng)), Ng the negatives by importance, debiased",
      "Robinson et al. 2021; Chuang et al. 2020", views, hard_negatives));
  formulas.push_back(make_formula<SupConConfig>(
      "sup_con", "-1/|P| sum_p log(e_p / sum_{a != i} e_a), or the mean inside the logarithm",
      "Khosla et al. 2020, SupCon", kLabelledBatch, supervised));
}

}  // namespace nearfar
