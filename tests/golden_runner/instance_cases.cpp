// Golden cases of instance discrimination: softmax, noise-contrastive estimation, bank updates.
#include "framework/losses/npid.h"
#include "recipes/blocks/feature_bank.h"
#include "tests/golden_runner/case.h"

namespace nearfar::golden {
namespace {

/// What all cases are given, on one rank.
struct Inputs {
  at::Tensor feature, index;
  MemoryBank bank;
  Shard whole;
  SoloGroup group;

  explicit Inputs(const Case& item)
      : feature(item.tensors.at("feature").clone().requires_grad_()),
        index(item.tensors.at("index")) {
    const at::Tensor& rows = item.tensors.at("bank");
    bank = {rows, {0, rows.size(0), rows.size(0)}, false};
    whole = {0, feature.size(0), feature.size(0)};
  }
};

Tensors npid_softmax_case(const Case& item) {
  Inputs in(item);
  const at::Tensor loss =
      npid_softmax(in.group, in.feature, in.bank,
                   item.hyperparameters.at("temperature").as_double(), in.whole, in.index);
  loss.backward();
  return {{"loss", loss.detach()}, {"grad.feature", in.feature.grad()}};
}

Tensors npid_nce_case(const Case& item) {
  Inputs in(item);
  const double temperature = item.hyperparameters.at("temperature").as_double();
  const at::Tensor& noise = item.tensors.at("noise");
  const auto z_from = [&](PartitionScores scores) {
    return npid_log_partition(in.group, in.feature, in.bank, temperature, noise, scores, in.whole,
                              in.index)
        .exp();
  };
  const at::Tensor by_noise = z_from(PartitionScores::noise);
  const at::Tensor by_both = z_from(PartitionScores::noise_and_positive);
  const std::string rule = item.hyperparameters.at("estimate_z").as_string();
  const at::Tensor z = rule == "noise"                ? by_noise
                       : rule == "noise_and_positive" ? by_both
                                                      : item.tensors.at("z");
  const at::Tensor nce =
      npid_nce(in.group, in.feature, in.bank, temperature, z.log(), noise, in.whole, in.index);
  const at::Tensor proximal = npid_proximal(in.group, in.feature, in.bank, in.whole, in.index);
  const at::Tensor loss = nce + proximal * item.hyperparameters.at("lambda").as_double();
  loss.backward();
  return {{"z", z},
          {"z_noise", by_noise},
          {"z_noise_and_positive", by_both},
          {"nce", nce.detach()},
          {"proximal", proximal.detach()},
          {"loss", loss.detach()},
          {"grad.feature", in.feature.grad()}};
}

Tensors npid_bank_update_case(const Case& item) {
  Inputs in(item);
  FeatureBankConfig config;
  config.momentum = item.hyperparameters.at("momentum").as_double();
  FeatureBank bank(in.bank.rows.size(0), in.bank.rows.size(1), config, /*seed=*/0, in.group);
  bank.named_buffers()["rows"].set_data(in.bank.rows.clone());
  bank.update(in.group, in.feature, in.index, in.whole);
  return {{"bank_after", bank.rows().rows}};
}

}  // namespace

void add_instance_discrimination(Operations& operations) {
  operations["npid_softmax"] = npid_softmax_case;
  operations["npid_nce"] = npid_nce_case;
  operations["npid_bank_update"] = npid_bank_update_case;
}

}  // namespace nearfar::golden
