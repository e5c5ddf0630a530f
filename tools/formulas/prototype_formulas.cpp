// Losses over prototypes, neighbours and predicted items, on named tensors.
#include <torch/types.h>

#include "framework/error.h"
#include "framework/losses/codes.h"
#include "framework/losses/moco.h"
#include "framework/losses/predictive.h"
#include "framework/losses/prototypes.h"
#include "framework/widened.h"
#include "tools/formulas/loss_formulas.h"

namespace nearfar {
namespace {

std::string numbered_name(const char* name, int64_t number) {
  return std::string(name) + "." + std::to_string(number);
}

/// The tensors NAME.0, NAME.1, ... in order.
std::vector<at::Tensor> listed(const TensorsByName& inputs, const char* name) {
  std::vector<at::Tensor> list;
  for (int64_t i = 0; inputs.contains(numbered_name(name, i)); ++i) {
    list.push_back(inputs.at(numbered_name(name, i)));
  }
  return list;
}

void check_count(const char* key, int64_t expected, size_t found) {
  if (expected != 0 && expected != static_cast<int64_t>(found)) {
    throw DataError(std::string(key) + "=" + std::to_string(expected) + ": found " +
                    std::to_string(found) + " in the input");
  }
}

struct CodesConfig {
  SinkhornCodes codes;
  void describe(auto& field) {
    field("epsilon", codes.epsilon, 1e-6, 1e3, "of the entropy");
    field("iterations", codes.iterations, int64_t{0}, int64_t{1} << 20, "of the scaling");
  }
};

Computed codes(const TensorsByName& inputs, const CodesConfig& config) {
  SoloGroup group;
  return {{}, {{"codes", sinkhorn_codes(group, inputs.at("scores"), config.codes)}}};
}

struct SwavConfig : CodesConfig {
  double temperature = 0.1;
  int64_t crops = 0;
  void describe(auto& field) {
    CodesConfig::describe(field);
    field("temperature", temperature, 0.001, 10.0, "lower punishes near misses harder");
    field("crops", crops, int64_t{0}, int64_t{1000}, "how many there are; 0: as many as given");
  }
};

Computed swav(const TensorsByName& inputs, const SwavConfig& config) {
  const std::vector<at::Tensor> scores = listed(inputs, "scores");
  check_count("crops", config.crops, scores.size());
  WholeBatch whole(scores.front());
  const SwappedPredictionLoss result =
      swav_loss(whole.group, scores, listed(inputs, "queue_scores"),
                {config.temperature, config.codes}, whole.shard);
  return {result.loss, {{"codes.0", result.codes[0]}, {"codes.1", result.codes[1]}}};
}

Computed nnclr(const TensorsByName& inputs, const TemperatureConfig& config) {
  WholeBatch whole(inputs.at("p1"));
  const Nnclr result =
      nnclr_loss(whole.group, inputs.at("z1"), inputs.at("z2"), inputs.at("p1"), inputs.at("p2"),
                 inputs.at("support"), config.temperature, whole.shard);
  return {result.loss, {{"neighbour1", result.neighbour1}, {"neighbour2", result.neighbour2}}};
}

struct PclConfig : TemperatureConfig {
  int64_t granularities = 0;
  int64_t negatives = 0;
  std::string denominator = "auto";
  void describe(auto& field) {
    TemperatureConfig::describe(field);
    field("granularities", granularities, int64_t{0}, int64_t{1000},
          "how many clusterings; 0: as many as given");
    field("negatives", negatives, int64_t{0}, int64_t{1} << 40,
          "prototypes to be told from; 0: as many as given");
    field("denominator", denominator, {"auto", "all", "own", "batch"},
          "all prototypes, a query's negatives.M, or shared.M beside the batch's; auto: as given");
  }
};

PrototypeNegatives negatives_of(const TensorsByName& inputs, int64_t clustering,
                                const PclConfig& config) {
  const auto own = inputs.find(numbered_name("negatives", clustering));
  const auto shared = inputs.find(numbered_name("shared", clustering));
  const bool of_query =
      config.denominator == "own" || (config.denominator == "auto" && own != inputs.end());
  const bool of_batch = config.denominator == "batch" ||
                        (config.denominator == "auto" && !of_query && shared != inputs.end());
  PrototypeNegatives negatives;
  if (of_query) {
    if (own == inputs.end()) throw DataError("negatives.0: missing; denominator=own needs it");
    negatives.of_query_nr = own->second;
    check_count("negatives", config.negatives, own->second.size(1));
  } else if (of_batch) {
    if (shared == inputs.end()) throw DataError("shared.0: missing; denominator=batch needs it");
    negatives.shared_r = shared->second;
    check_count("negatives", config.negatives, shared->second.size(0));
  }
  return negatives;
}

Computed pcl(const TensorsByName& inputs, const PclConfig& config) {
  const at::Tensor query = widened(inputs.at("query"));
  WholeBatch whole(query);
  const at::Tensor instance =
      moco_loss(whole.group, query, widened(inputs.at("key")), {inputs.at("queue"), {}, false},
                config.temperature, whole.shard);
  const std::vector<at::Tensor> rows = listed(inputs, "prototypes");
  check_count("granularities", config.granularities, rows.size());
  std::vector<at::Tensor> terms;
  for (int64_t m = 0; m < static_cast<int64_t>(rows.size()); ++m) {
    const Prototypes prototypes{rows[static_cast<size_t>(m)],
                                inputs.at(numbered_name("concentration", m)),
                                inputs.at(numbered_name("assignment", m))};
    terms.push_back(
        proto_nce(whole.group, query, prototypes, negatives_of(inputs, m, config), whole.shard));
  }
  const at::Tensor proto = at::stack(terms);
  return {instance + proto.mean(), {{"info_nce", instance}, {"proto", proto}}};
}

Computed concentration(const TensorsByName& inputs, const TemperatureConfig& config) {
  const Concentration result = cluster_concentration(inputs.at("features"), inputs.at("centroids"),
                                                     inputs.at("assignment"), config.temperature);
  return {{},
          {{"raw", result.raw},
           {"filled", result.filled},
           {"clipped", result.clipped},
           {"concentration", result.concentration}}};
}

Computed cpc(const TensorsByName& inputs, const NoConfig&) {
  WholeBatch whole(inputs.at("context"));
  const PredictiveLoss result = cpc_loss(whole.group, inputs.at("context"), inputs.at("targets"),
                                         inputs.at("weights"), whole.shard);
  return {result.loss, {{"loss_per_step", result.per_step_S}, {"bound", result.bound_S}}};
}

Computed nce(const TensorsByName& inputs, const NoConfig&) {
  return {nce_loss(inputs.at("score"), inputs.at("log_noise"), inputs.at("noise_score"),
                   inputs.at("noise_log_noise")),
          {}};
}

void add_prototypes(std::vector<Formula>& formulas) {
  const FormulaInput assignment{"assignment.*", "N", InputKind::index};
  formulas.push_back(make_formula<PclConfig>(
      "pcl", "InfoNCE + mean over clusterings of the cross entropy of query . prototype / phi",
      "Li et al. 2021, PCL",
      {{"query", "N d"},
       {"key", "N d", InputKind::constant},
       {"queue", "K d", InputKind::constant},
       {"prototypes.*", "k* d", InputKind::constant},
       {"concentration.*", "k*", InputKind::constant},
       assignment,
       {"negatives.*", "N r*", InputKind::index, false},
       {"shared.*", "s*", InputKind::index, false}},
      pcl));
  formulas.push_back(make_formula<TemperatureConfig>(
      "pcl_concentration", "mean distance of the members / log(Z + 10), clipped and scaled",
      "Li et al. 2021, PCL",
      {{"features", "N d", InputKind::constant},
       {"centroids", "k d", InputKind::constant},
       {"assignment", "N", InputKind::index}},
      concentration));
}

}  // namespace

void add_prototype_formulas(std::vector<Formula>& formulas) {
  formulas.push_back(make_formula<CodesConfig>(
      "sinkhorn", "codes: prototypes and samples scaled in turns to equal shares",
      "Caron et al. 2020, SwAV", {{"scores", "B K", InputKind::constant}}, codes));
  formulas.push_back(make_formula<SwavConfig>(
      "swav", "mean cross entropy of each view's scores / temperature against the others' codes",
      "Caron et al. 2020, SwAV",
      {{"scores.*", "B K"}, {"queue_scores.*", "Q K", InputKind::constant, false}}, swav));
  formulas.push_back(make_formula<TemperatureConfig>(
      "nnclr", "mean cross entropy of neighbours against predictions, both ways",
      "Dwibedi et al. 2021, NNCLR",
      {{"support", "Q d", InputKind::constant},
       {"z1", "N d", InputKind::constant},
       {"z2", "N d", InputKind::constant},
       {"p1", "N d"},
       {"p2", "N d"}},
      nnclr));
  add_prototypes(formulas);
  formulas.push_back(make_formula<NoConfig>(
      "cpc", "mean cross entropy of target^T W context among the targets of the batch",
      "van den Oord et al. 2018, CPC",
      {{"context", "N c"}, {"targets", "S N z"}, {"weights", "S z c"}}, cpc));
  formulas.push_back(make_formula<NoConfig>(
      "nce", "mean -log sigmoid(D) - sum_k log(1 - sigmoid(D_k)), D = score - log(k P_noise)",
      "Gutmann and Hyvarinen 2010; Mnih and Kavukcuoglu 2013",
      {{"score", "N"},
       {"log_noise", "N", InputKind::constant},
       {"noise_score", "N k"},
       {"noise_log_noise", "N k", InputKind::constant}},
      nce));
}

}  // namespace nearfar
