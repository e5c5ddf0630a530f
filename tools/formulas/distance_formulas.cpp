// Every distance on named tensors.
#include <torch/types.h>

#include "framework/distances/distance.h"
#include "framework/distances/norms.h"
#include "framework/distances/sets.h"
#include "tools/formulas/formula.h"

namespace nearfar {
namespace {

const FormulaInput kDirection{"direction", "n m", InputKind::constant, /*required=*/false};

/// The matrix, and sum(matrix * direction) where a direction is given.
Computed of_matrix(const at::Tensor& matrix, const TensorsByName& inputs) {
  const auto direction = inputs.find("direction");
  const bool given = direction != inputs.end();
  return {given ? (matrix * direction->second).sum() : at::Tensor(), {{"matrix", matrix}}};
}

struct LpConfig {
  std::string p = "2";
  void describe(auto& field) { field("p", p, "a number of at least 1, or inf"); }
};

Computed lp(const TensorsByName& inputs, const LpConfig& config) {
  return of_matrix(make_distance({"lp", config.p})->matrix(inputs.at("x"), inputs.at("y")), inputs);
}

/// A kind that has no hyper-parameters.
Formula plain(const DistanceInfo& info) {
  return make_formula<NoConfig>(
      info.kind, info.formula, info.paper, {{"x", "n d"}, {"y", "m d"}, kDirection},
      [kind = info.kind](const TensorsByName& inputs, const NoConfig&) {
        return of_matrix(make_distance({kind, "2"})->matrix(inputs.at("x"), inputs.at("y")),
                         inputs);
      },
      "");
}

Computed gaussian_kl(const TensorsByName& inputs, const NoConfig&) {
  const at::Tensor x = at::cat({inputs.at("x"), inputs.at("x_logvar")}, 1);
  const at::Tensor y = at::cat({inputs.at("y"), inputs.at("y_logvar")}, 1);
  return of_matrix(make_distance({"gaussian_kl", "2"})->matrix(x, y), inputs);
}

Computed mahalanobis(const TensorsByName& inputs, const NoConfig&) {
  const MahalanobisDistance distance(inputs.at("factor"));
  return of_matrix(distance.matrix(inputs.at("x"), inputs.at("y")), inputs);
}

Computed energy(const TensorsByName& inputs, const NoConfig&) {
  const at::Tensor &x = inputs.at("x"), &y = inputs.at("y");
  Computed computed{energy_distance(x, y), {}};
  if (x.size(0) > 1 && y.size(0) > 1) {
    computed.outputs["unbiased"] = energy_distance(x, y, PairsOfASet::different);
  }
  return computed;
}

struct SinkhornConfig {
  double epsilon = 1.0;
  void describe(auto& field) {
    field("epsilon", epsilon, 1e-6, 1e6, "of the entropy, in units of the cost");
  }
};

Computed sinkhorn(const TensorsByName& inputs, const SinkhornConfig& config) {
  const at::Tensor &x = inputs.at("x"), &y = inputs.at("y");
  SinkhornOptions options;
  options.epsilon = config.epsilon;
  return {sinkhorn_distance(x, y, options), {}};
}

Formula special(const DistanceInfo& info) {
  if (info.kind == "lp") {
    return make_formula<LpConfig>(info.kind, info.formula, info.paper,
                                  {{"x", "n d"}, {"y", "m d"}, kDirection}, lp, "");
  }
  return make_formula<NoConfig>(
      info.kind, info.formula, info.paper,
      {{"x", "n d"}, {"y", "m d"}, {"x_logvar", "n d"}, {"y_logvar", "m d"}, kDirection},
      gaussian_kl, "");
}

std::vector<Formula> all_distances() {
  std::vector<Formula> all;
  for (const DistanceInfo& info : distances()) {
    const bool has_more = info.kind == "lp" || info.kind == "gaussian_kl";
    all.push_back(has_more ? special(info) : plain(info));
  }
  all.push_back(make_formula<NoConfig>(
      "mahalanobis", "sqrt((x - y)^T L^T L (x - y)), L = factor", "Mahalanobis 1936",
      {{"x", "n d"}, {"y", "m d"}, {"factor", "r d"}, kDirection}, mahalanobis, ""));
  all.push_back(make_formula<NoConfig>(
      "energy", "2 mean |x - y| - mean |x - x'| - mean |y - y'|, of two sets",
      "Szekely and Rizzo 2013", {{"x", "n d"}, {"y", "m d"}}, energy, "value"));
  all.push_back(make_formula<SinkhornConfig>(
      "sinkhorn", "sum of plan * cost, cost = |x - y|^2, plan of entropic transport of two sets",
      "Cuturi 2013", {{"x", "n d"}, {"y", "m d"}}, sinkhorn, "value"));
  return all;
}

}  // namespace

const std::vector<Formula>& distance_formulas() {
  static const std::vector<Formula> all = all_distances();
  return all;
}

}  // namespace nearfar
