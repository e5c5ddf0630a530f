// Triplet losses and their miners on named tensors.
#include <torch/types.h>

#include "framework/losses/triplet.h"
#include "tools/formulas/loss_formulas.h"

namespace nearfar {
namespace {

struct SpaceConfig {
  TripletSpace space;
  double margin = 0.2;
  void describe(auto& field) {
    field("margin", margin, 0.0, 1e6, "how much nearer the positive should be");
    field("squared", space.squared, "squared Euclidean distances");
    field("normalize", space.normalize, "unit rows first");
  }
};

struct TripletConfig : SpaceConfig {
  std::string reduction = "nonzero";
  std::string kind = "all";
  void describe(auto& field) {
    SpaceConfig::describe(field);
    field("reduction", reduction, {"nonzero", "mean"}, "over terms above 0, or over all");
    field("kind", kind, triplet_kind_names(), "which triplets");
  }
};

Computed of_batch(const TensorsByName& inputs, const TripletConfig& config) {
  WholeBatch whole(inputs.at("embeddings"));
  const TripletOptions options{config.margin, config.space, triplet_kind(config.kind),
                               config.reduction == "mean" ? Reduction::mean : Reduction::nonzero};
  return {
      triplet_loss(whole.group, inputs.at("embeddings"), inputs.at("label"), options, whole.shard),
      {}};
}

struct ExplicitConfig {
  double margin = 0.2;
  bool squared = false;
  void describe(auto& field) {
    field("margin", margin, 0.0, 1e6, "how much nearer the positive should be");
    field("squared", squared, "squared Euclidean distances");
  }
};

Computed of_rows(const TensorsByName& inputs, const ExplicitConfig& config) {
  return {triplet_loss_of_rows(inputs.at("anchor"), inputs.at("positive"), inputs.at("negative"),
                               config.margin, config.squared),
          {}};
}

Computed mining(const TensorsByName& inputs, const SpaceConfig& config) {
  const at::Tensor& embeddings = inputs.at("embeddings");
  const at::Tensor distances = config.space.distances(embeddings, embeddings);
  Computed computed{{}, {{"distances", distances}}};
  for (const std::string& kind : triplet_kind_names()) {
    computed.outputs[kind] =
        list_triplets(distances, inputs.at("label"), triplet_kind(kind), config.margin);
  }
  return computed;
}

struct BatchHardConfig {
  double margin = 0.2;
  bool soft = false;
  bool normalize = true;
  void describe(auto& field) {
    field("margin", margin, 0.0, 1e6, "how much nearer the positive should be");
    field("soft", soft, "softplus instead of a margin");
    field("normalize", normalize, "unit rows first");
  }
};

Computed hardest(const TensorsByName& inputs, const BatchHardConfig& config) {
  WholeBatch whole(inputs.at("embeddings"));
  const HardestRows rows =
      batch_hard(whole.group, inputs.at("embeddings"), inputs.at("label"), config.margin,
                 config.soft, {false, config.normalize}, whole.shard);
  return {rows.loss, {{"hardest_positive", rows.positive}, {"hardest_negative", rows.negative}}};
}

struct MarginConfig {
  double margin = 0.2;
  void describe(auto& field) {
    field("margin", margin, 0.0, 1e6, "how much nearer the positive should be");
  }
};

Computed semihard(const TensorsByName& inputs, const MarginConfig& config) {
  WholeBatch whole(inputs.at("embeddings"));
  const ChosenNegatives chosen = facenet_semihard(whole.group, inputs.at("embeddings"),
                                                  inputs.at("label"), config.margin, whole.shard);
  const at::Tensor pairs = (chosen.negative_nN >= 0).nonzero();
  const at::Tensor negative = chosen.negative_nN.masked_select(chosen.negative_nN >= 0);
  return {chosen.loss, {{"chosen", at::cat({pairs, negative.unsqueeze(1)}, 1)}}};
}

}  // namespace

void add_triplet_formulas(std::vector<Formula>& formulas) {
  formulas.push_back(make_formula<TripletConfig>(
      "triplet", "mean [D(a, p) - D(a, n) + margin]+ over the triplets of a batch",
      "Schroff, Kalenichenko and Philbin 2015; Hermans et al. 2017", kLabelledBatch, of_batch));
  formulas.push_back(make_formula<ExplicitConfig>(
      "triplet_explicit", "mean [D(a, p) - D(a, n) + margin]+ over given triplets",
      "Schroff, Kalenichenko and Philbin 2015",
      {{"anchor", "N d"}, {"positive", "N d"}, {"negative", "N d"}}, of_rows));
  formulas.push_back(make_formula<SpaceConfig>(
      "triplet_mining", "triplets by D(a, n) - D(a, p): easy, semihard, hard, violating",
      "Schroff, Kalenichenko and Philbin 2015", kLabelledBatch, mining));
  formulas.push_back(make_formula<BatchHardConfig>(
      "batch_hard", "mean [D(a, farthest p) - D(a, nearest n) + margin]+, or its softplus",
      "Hermans, Beyer and Leibe 2017", kLabelledBatch, hardest));
  formulas.push_back(make_formula<MarginConfig>(
      "facenet_semihard",
      "sum [D(a, p) - D(a, n) + margin]+ / pairs, n the nearest beyond p, else the farthest",
      "Schroff, Kalenichenko and Philbin 2015", kLabelledBatch, semihard));
}

}  // namespace nearfar
