// Losses of pairs on named tensors.
#include <torch/types.h>

#include "framework/losses/pair_losses.h"
#include "tools/formulas/loss_formulas.h"

namespace nearfar {
namespace {

Computed regression(const TensorsByName& inputs, const NoConfig&) {
  return {pair_regression(inputs.at("x1"), inputs.at("x2"), inputs.at("similarity")), {}};
}

struct ClassificationConfig {
  double scale = 1.0;
  double bias = 0.0;
  void describe(auto& field) {
    field("scale", scale, -1e6, 1e6, "of the cosine");
    field("bias", bias, -1e6, 1e6, "added to the scaled cosine");
  }
};

Computed classification(const TensorsByName& inputs, const ClassificationConfig& config) {
  const at::Tensor& x1 = inputs.at("x1");
  const at::Tensor scale = at::scalar_tensor(config.scale, x1.options().requires_grad(false));
  const at::Tensor bias = at::scalar_tensor(config.bias, x1.options().requires_grad(false));
  return {pair_classification(x1, inputs.at("x2"), inputs.at("same"), scale, bias), {}};
}

struct ContrastiveConfig {
  double margin = 1.0;
  std::string kind = "margin_of_distance";
  void describe(auto& field) {
    field("margin", margin, 1e-9, 1e6, "how far different things should be apart");
    field("kind", kind, {"margin_of_distance", "margin_of_square"}, "[m - d]+^2 or [m^2 - d^2]+");
  }
};

Computed contrastive_pairs(const TensorsByName& inputs, const ContrastiveConfig& config) {
  const ContrastiveForm form = config.kind == "margin_of_square"
                                   ? ContrastiveForm::margin_of_square
                                   : ContrastiveForm::margin_of_distance;
  return {contrastive(inputs.at("x1"), inputs.at("x2"), inputs.at("same"), config.margin, form),
          {}};
}

struct TwoMarginsConfig {
  TwoMargins margins;
  std::string reduction = "nonzero";
  void describe(auto& field) {
    field("pos_margin", margins.positive, 0.0, 1e6, "positives nearer than that cost nothing");
    field("neg_margin", margins.negative, 0.0, 1e6, "negatives farther than that cost nothing");
    field("normalize", margins.normalize, "unit rows first");
    field("reduction", reduction, {"nonzero", "mean"}, "over terms above 0, or over all");
  }
};

Computed two_margins(const TensorsByName& inputs, const TwoMarginsConfig& config) {
  WholeBatch whole(inputs.at("embeddings"));
  TwoMargins margins = config.margins;
  margins.reduction = config.reduction == "mean" ? Reduction::mean : Reduction::nonzero;
  return {contrastive_two_margins(whole.group, inputs.at("embeddings"), inputs.at("label"), margins,
                                  whole.shard),
          {}};
}

}  // namespace

void add_pair_formulas(std::vector<Formula>& formulas) {
  const FormulaInput x1{"x1", "N d"}, x2{"x2", "N d"}, same{"same", "N", InputKind::index};
  formulas.push_back(make_formula<NoConfig>("pair_regression", "mean (cos(x1, x2) - similarity)^2",
                                            "", {x1, x2, {"similarity", "N", InputKind::constant}},
                                            regression));
  formulas.push_back(make_formula<ClassificationConfig>(
      "pair_classification", "mean binary cross entropy of sigmoid(scale cos(x1, x2) + bias)", "",
      {x1, x2, same}, classification));
  formulas.push_back(make_formula<ContrastiveConfig>(
      "contrastive", "mean of same d^2 + (1 - same) [m - d]+^2, d = |x1 - x2|",
      "Hadsell, Chopra and LeCun 2006", {x1, x2, same}, contrastive_pairs));
  formulas.push_back(make_formula<TwoMarginsConfig>(
      "contrastive_two_margins",
      "mean [d - pos_margin]+ over pairs of one label + mean [neg_margin - d]+ over others",
      "Hadsell, Chopra and LeCun 2006; Musgrave et al. 2020", kLabelledBatch, two_margins));
}

}  // namespace nearfar
