// Memories of earlier embeddings, and instance discrimination against one, on named tensors.
#include <torch/types.h>

#include "framework/error.h"
#include "framework/losses/density_negatives.h"
#include "framework/losses/npid.h"
#include "recipes/blocks/feature_queue.h"
#include "tools/formulas/loss_formulas.h"

namespace nearfar {
namespace {

struct QueueConfig {
  int64_t pointer0 = 0;
  void describe(auto& field) {
    field("pointer0", pointer0, int64_t{0}, int64_t{1} << 40, "where the first key goes");
  }
};

Computed update(const TensorsByName& inputs, const QueueConfig& config) {
  const at::Tensor &start = inputs.at("queue0"), &keys_Snd = inputs.at("keys");
  FeatureQueue queue(start.size(0), start.size(1));
  auto buffers = queue.named_buffers();
  buffers["rows"].set_data(start.clone());
  buffers["filled"].fill_(start.size(0));
  buffers["pointer"].fill_(config.pointer0 % start.size(0));
  const int64_t steps = keys_Snd.size(0);
  const at::Tensor queues = at::empty({steps, start.size(0), start.size(1)}, start.options());
  const at::Tensor pointers = at::empty({steps}, at::kLong);
  for (int64_t step = 0; step < steps; ++step) {
    queue.append(keys_Snd[step], at::zeros({keys_Snd.size(1)}, at::kLong));
    queues[step].copy_(queue.negatives().rows);
    pointers[step].fill_(queue.pointer());
  }
  return {{}, {{"queues", queues}, {"pointers", pointers}}};
}

MemoryBank whole_bank(const at::Tensor& rows) {
  return {rows, {0, rows.size(0), rows.size(0)}, false};
}

struct SoftmaxConfig : TemperatureConfig {
  SoftmaxConfig() : TemperatureConfig{0.07} {}
};

Computed bank_softmax(const TensorsByName& inputs, const SoftmaxConfig& config) {
  WholeBatch whole(inputs.at("feature"));
  return {npid_softmax(whole.group, inputs.at("feature"), whole_bank(inputs.at("bank")),
                       config.temperature, whole.shard, inputs.at("index")),
          {}};
}

struct NceConfig {
  double temperature = 0.07;
  double lambda = 0.0;
  std::string estimate_z = "noise";
  void describe(auto& field) {
    field("temperature", temperature, 0.002, 10.0,
          "lower punishes near misses harder; the lowest for which float64 holds Z");
    field("lambda", lambda, 0.0, 1e6, "weight of the proximal term");
    field("estimate_z", estimate_z, {"noise", "noise_and_positive", "given"},
          "the scores that Z is estimated from (the paper, the released code), or the input z");
  }
};

at::Tensor given_z(const TensorsByName& inputs) {
  const auto z = inputs.find("z");
  if (z == inputs.end()) throw DataError("z: missing; estimate_z=given needs it");
  return z->second;
}

Computed bank_nce(const TensorsByName& inputs, const NceConfig& config) {
  const at::Tensor &feature = inputs.at("feature"), &noise = inputs.at("noise");
  const at::Tensor& index = inputs.at("index");
  WholeBatch whole(feature);
  const MemoryBank bank = whole_bank(inputs.at("bank"));
  const auto z_from = [&](PartitionScores scores) {
    return npid_log_partition(whole.group, feature, bank, config.temperature, noise, scores,
                              whole.shard, index)
        .exp();
  };
  const at::Tensor by_noise = z_from(PartitionScores::noise);
  const at::Tensor by_both = z_from(PartitionScores::noise_and_positive);
  const at::Tensor z = config.estimate_z == "noise"                ? by_noise
                       : config.estimate_z == "noise_and_positive" ? by_both
                                                                   : given_z(inputs);
  const at::Tensor nce = npid_nce(whole.group, feature, bank, config.temperature,
                                  z.to(at::kDouble).log(), noise, whole.shard, index);
  const at::Tensor proximal = npid_proximal(whole.group, feature, bank, whole.shard, index);
  return {nce + proximal * config.lambda,
          {{"z", z},
           {"z_noise", by_noise},
           {"z_noise_and_positive", by_both},
           {"nce", nce},
           {"proximal", proximal}}};
}

struct BankConfig {
  double momentum = 0.5;
  void describe(auto& field) {
    field("momentum", momentum, 0.0, 1.0, "share of its earlier value that a row keeps");
  }
};

Computed bank_update(const TensorsByName& inputs, const BankConfig& config) {
  WholeBatch whole(inputs.at("feature"));
  const MemoryBank bank = whole_bank(inputs.at("bank").clone());
  update_bank(whole.group, bank, inputs.at("feature"), inputs.at("index"), config.momentum,
              whole.shard);
  return {{}, {{"bank_after", bank.rows}}};
}

struct DensityConfig {
  double temperature = 0.07;
  int64_t neighbours = 2;
  double gamma = 1.0;
  int64_t count = 2;
  int64_t seed = 0;
  void describe(auto& field) {
    field("temperature", temperature, 0.001, 10.0, "lower punishes near misses harder");
    field("neighbours", neighbours, int64_t{1}, int64_t{1} << 40, "rows that a density is over");
    field("gamma", gamma, -1e6, 1e6, "above 0 draws from crowds, below 0 from afar");
    field("count", count, int64_t{1}, int64_t{1} << 40, "negatives of each feature");
    field("seed", seed, int64_t{0}, int64_t{1} << 62, "of the draw");
  }
};

/// Each sample's own, of those that the batch shares: [B, count].
at::Tensor listed_by_sample(const DensityNegatives& drawn) {
  const at::Tensor own_BC = drawn.left_out_n.unsqueeze(1).ne(drawn.image_C);
  return drawn.image_C.expand_as(own_BC).masked_select(own_BC).view(
      {drawn.left_out_n.size(0), drawn.image_C.size(0) - 1});
}

Computed by_density(const TensorsByName& inputs, const DensityConfig& config) {
  const at::Tensor &feature = inputs.at("feature"), &index = inputs.at("index");
  WholeBatch whole(feature);
  const MemoryBank bank = whole_bank(inputs.at("bank"));
  const at::Tensor density = local_densities(whole.group, bank, config.neighbours);
  const Random random(static_cast<uint64_t>(config.seed), 0, 0, Purpose::recipe);
  const DensityNegatives drawn =
      draw_density_negatives(random, density, config.gamma, config.count, index);
  return {
      density_contrast(whole.group, feature, bank, drawn, config.temperature, whole.shard, index),
      {{"density", density}, {"negatives", listed_by_sample(drawn)}}};
}

}  // namespace

void add_memory_formulas(std::vector<Formula>& formulas) {
  formulas.push_back(make_formula<QueueConfig>(
      "queue_update", "keys written at (pointer + i) mod K, step by step", "He et al. 2020, MoCo",
      {{"queue0", "K d", InputKind::constant}, {"keys", "S n d", InputKind::constant}}, update));
  const std::string paper = "Wu et al. 2018, instance discrimination";
  const FormulaInput bank{"bank", "n d", InputKind::constant};
  const FormulaInput index{"index", "B", InputKind::index};
  formulas.push_back(make_formula<SoftmaxConfig>(
      "npid_softmax", "mean -log(exp(v_i . f / T) / sum_j exp(v_j . f / T)) over a memory bank",
      paper, {{"feature", "B d"}, bank, index}, bank_softmax));
  formulas.push_back(make_formula<NceConfig>(
      "npid_nce", "-mean(log h + sum_k log(1 - h_k)) + lambda |f - v_i|^2, h = P / (P + m / n)",
      paper,
      {{"feature", "B d"},
       bank,
       index,
       {"noise", "B m", InputKind::index},
       {"z", "", InputKind::constant, false}},
      bank_nce));
  formulas.push_back(make_formula<BankConfig>(
      "npid_bank_update", "rows <- unit(momentum row + (1 - momentum) unit(feature))", paper,
      {{"feature", "B d", InputKind::constant}, bank, index}, bank_update));
  formulas.push_back(make_formula<DensityConfig>(
      "density_negatives",
      "InfoNCE against row v_i and count rows drawn without replacement by exp(gamma rho_j), rho "
      "the mean cosine to the nearest neighbours",
      "Efraimidis and Spirakis 2006 (the draw)", {{"feature", "B d"}, bank, index}, by_density));
}

}  // namespace nearfar
