// Losses that rank all rows of a batch on named tensors.
#include <torch/types.h>

#include "framework/losses/distance_weighted.h"
#include "framework/losses/ranking.h"
#include "tools/formulas/loss_formulas.h"

namespace nearfar {
namespace {

struct NPairConfig {
  std::string kind = "mc";
  double l2 = 0.0;
  void describe(auto& field) {
    field("kind", kind, {"mc", "ovo"}, "multi-class, or one versus one");
    field("l2", l2, 0.0, 1e6, "times the mean squared norm of the embeddings");
  }
};

Computed n_pairs(const TensorsByName& inputs, const NPairConfig& config) {
  const at::Tensor &anchor = inputs.at("anchor"), &positive = inputs.at("positive");
  WholeBatch whole(anchor);
  const NPairForm form = config.kind == "ovo" ? NPairForm::one_versus_one : NPairForm::multi_class;
  const at::Tensor loss = n_pair(whole.group, anchor, positive, form, whole.shard);
  const at::Tensor norm = mean_squared_norm(whole.group, anchor, positive, whole.shard);
  return {loss + config.l2 * norm, {{"without_l2", loss}}};
}

struct LogRatioConfig {
  LogRatio options;
  std::string anchors = "all";
  void describe(auto& field) {
    field("anchors", anchors, {"all", "first"}, "every row in turn, or row 0 alone");
    field("epsilon", options.epsilon, 0.0, 1.0, "added to every distance");
    field("squared", options.squared, "squared distances (the paper), else plain ones");
  }
};

Computed log_ratios(const TensorsByName& inputs, const LogRatioConfig& config) {
  WholeBatch whole(inputs.at("embeddings"));
  LogRatio options = config.options;
  options.every_anchor = config.anchors == "all";
  return {
      log_ratio(whole.group, inputs.at("embeddings"), inputs.at("target"), options, whole.shard),
      {}};
}

struct LiftedConfig {
  double margin = 1.0;
  void describe(auto& field) { field("margin", margin, 0.0, 1e6, "of the negatives"); }
};

Computed lifted(const TensorsByName& inputs, const LiftedConfig& config) {
  WholeBatch whole(inputs.at("embeddings"));
  return {lifted_structure(whole.group, inputs.at("embeddings"), inputs.at("label"), config.margin,
                           whole.shard),
          {}};
}

struct MultiSimilarityConfig {
  MultiSimilarity options;
  void describe(auto& field) {
    field("alpha", options.alpha, 1e-6, 1e6, "sharpness of the positives");
    field("beta", options.beta, 1e-6, 1e6, "sharpness of the negatives");
    field("base", options.base, -1.0, 1.0, "the cosine at which both begin");
  }
};

Computed similarity(const TensorsByName& inputs, const MultiSimilarityConfig& config) {
  WholeBatch whole(inputs.at("embeddings"));
  return {multi_similarity(whole.group, inputs.at("embeddings"), inputs.at("label"), config.options,
                           whole.shard),
          {}};
}

struct CircleConfig {
  double m = 0.25;
  double gamma = 256.0;
  void describe(auto& field) {
    field("m", m, -1.0, 1.0, "relaxation");
    field("gamma", gamma, 1e-6, 1e6, "scale");
  }
};

Computed circles(const TensorsByName& inputs, const CircleConfig& config) {
  WholeBatch whole(inputs.at("embeddings"));
  return {circle(whole.group, inputs.at("embeddings"), inputs.at("label"), config.m, config.gamma,
                 whole.shard),
          {}};
}

/// The whole batch as one rank sees it.
LabelledBatch whole_labelled(WholeBatch& whole, const TensorsByName& inputs, const char* name) {
  return gather_labelled(name, whole.group, inputs.at("embeddings"), inputs.at("label"),
                         whole.shard);
}

struct MarginLossConfig {
  double alpha = 0.2;
  void describe(auto& field) { field("alpha", alpha, 0.0, 1e6, "half the gap around beta"); }
};

Computed margin(const TensorsByName& inputs, const MarginLossConfig& config) {
  WholeBatch whole(inputs.at("embeddings"));
  const LabelledBatch batch = whole_labelled(whole, inputs, "margin_loss");
  return {margin_loss(whole.group, batch, inputs.at("triplets"), inputs.at("beta"), config.alpha),
          {}};
}

struct DistanceWeightsConfig {
  DistanceWeights options;
  void describe(auto& field) {
    field("cutoff", options.cutoff, 1e-6, 2.0, "nearer rows count as that far");
    field("nonzero_loss_cutoff", options.nonzero_loss_cutoff, 1e-6, 2.0,
          "farther rows are not drawn");
  }
};

Computed weights(const TensorsByName& inputs, const DistanceWeightsConfig& config) {
  WholeBatch whole(inputs.at("embeddings"));
  return {{},
          {{"weights",
            distance_weights(whole_labelled(whole, inputs, "distance_weights"), config.options)}}};
}

}  // namespace

void add_ranking_formulas(std::vector<Formula>& formulas) {
  formulas.push_back(make_formula<NPairConfig>(
      "n_pair", "mean log(1 + sum_{j != i} exp(a_i . p_j - a_i . p_i)) + l2 mean |x|^2",
      "Sohn 2016", {{"anchor", "N d"}, {"positive", "N d"}}, n_pairs));
  formulas.push_back(make_formula<LogRatioConfig>(
      "log_ratio", "mean (log(D(f_a,f_i) / D(f_a,f_j)) - log(D(y_a,y_i) / D(y_a,y_j)))^2",
      "Kim et al. 2019", {{"embeddings", "N d"}, {"target", "N t", InputKind::constant}},
      log_ratios));
  formulas.push_back(make_formula<LiftedConfig>(
      "lifted_structure",
      "1/(2|P|) sum [log(sum exp(margin - D_ik) + sum exp(margin - D_jl)) + D_ij]+^2",
      "Oh Song et al. 2016", kLabelledBatch, lifted));
  formulas.push_back(make_formula<MultiSimilarityConfig>(
      "multi_similarity",
      "mean log(1 + sum_p exp(-alpha (S - base))) / alpha + log(1 + sum_n exp(beta (S - base))) / "
      "beta",
      "Wang et al. 2019", kLabelledBatch, similarity));
  formulas.push_back(make_formula<CircleConfig>(
      "circle", "mean log(1 + sum exp(gamma a_n (s_n - m)) sum exp(-gamma a_p (s_p - 1 + m)))",
      "Sun et al. 2020", kLabelledBatch, circles));
  formulas.push_back(make_formula<MarginLossConfig>(
      "margin_loss", "sum [D_ap - beta + alpha]+ + [beta - D_an + alpha]+ over those above 0",
      "Wu et al. 2017",
      {{"embeddings", "N d"},
       {"label", "N", InputKind::index},
       {"triplets", "T 3", InputKind::index},
       {"beta", ""}},
      margin));
  formulas.push_back(make_formula<DistanceWeightsConfig>(
      "distance_weights",
      "probability of each row as the negative of each, D^(2-d) (1 - D^2/4)^((3-d)/2)",
      "Wu et al. 2017",
      {{"embeddings", "N d", InputKind::constant}, {"label", "N", InputKind::index}}, weights));
}

}  // namespace nearfar
