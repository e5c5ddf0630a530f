// A recipe that is sound but for the one mistake that a test asks for: each law of check-recipe is
// broken by one of them.
#include <torch/types.h>

#include <cmath>
#include <stdexcept>

#include "augment/two_views.h"
#include "distributed/gather.h"
#include "framework/encoders/layers.h"
#include "framework/recipe/plugin.h"

namespace nearfar {
namespace {

// Shapes: n local samples, N of all ranks, D features of the projection.

struct FlawedConfig {
  std::string mistake = "none";
  double temperature = 0.5;
  TwoViews views;

  void describe(auto& field) {
    field("mistake", mistake,
          {"none",
           "throw_in_make",
           "throw_in_embed",
           "throw_in_loss",
           "throw_in_backward",
           "throw_in_after_step",
           "nan",
           "forgotten_buffer",
           "draw_in_loss",
           "draw_in_before_epoch",
           "own_slice",
           "detached_gather",
           "local_mean",
           "local_centre",
           "impure_embed",
           "embed_moves_buffer",
           "batch_mean",
           "sum",
           "frozen",
           "no_guess"},
          "what is wrong");
    field("temperature", temperature, 0.001, 10.0, "of the softmax");
    views.describe(field);
  }
};

class Flawed final : public Recipe {
 public:
  Flawed(const FlawedConfig& config, const Setup& setup) : config_(config), group_(setup.group) {
    if (makes("throw_in_make")) throw std::runtime_error("no luck in make");
    encoder_ = register_module("encoder", setup.make_encoder(config.views.first.size));
    head_ = register_module("head", std::make_shared<Linear>(encoder_->width(), 16));
    centre_ = at::zeros({16});
    if (!makes("forgotten_buffer")) register_buffer("centre", centre_);
    calls_ = register_buffer("calls", at::zeros({}));
  }

  std::vector<ViewPolicy> views() const override { return config_.views.list(); }

  Embeddings embed(const Batch& batch) override {
    if (makes("throw_in_embed")) throw std::runtime_error("no luck in embed");
    if (makes("embed_moves_buffer")) calls_.add_(1.0);
    Random random = batch.random;
    Embeddings z_nD;
    for (const at::Tensor& view : batch.views) {
      at::Tensor rows = head_->forward(encoder_->forward(view, random));
      if (makes("impure_embed")) rows = rows * (1.0 + 1e-3 * ++hidden_calls_);
      if (makes("batch_mean")) rows = rows - rows.mean(0, /*keepdim=*/true);
      z_nD.push_back(rows);
    }
    return z_nD;
  }

  /// InfoNCE of the first views among the second views of all ranks, around a centre.
  Loss loss(const Embeddings& z_nD, const Batch& batch) override {
    if (makes("throw_in_loss")) throw std::runtime_error("no luck in loss");
    const Shard& own = batch.shard;
    const at::Tensor queries_nD = centred(z_nD[0]);
    const at::Tensor keys_ND = gathered(centred(z_nD[1]), own);
    at::Tensor logits_nN = queries_nD.matmul(keys_ND.t()) / config_.temperature;
    if (makes("draw_in_loss")) logits_nN = logits_nN + 1e-3 * at::randn_like(logits_nN);
    at::Tensor loss_n = -logits_nN.log_softmax(1).diagonal(own.begin);
    if (makes("nan")) loss_n = loss_n + (z_nD[0] - z_nD[1]).square().sum(1).sqrt();
    const double total = makes("sum") ? 1.0 : static_cast<double>(own.total);
    at::Tensor value = loss_n.sum() * (group_.size() / total);
    if (makes("local_mean")) value = loss_n.mean();
    if (makes("throw_in_backward")) {
      value.register_hook([](const at::Tensor&) { throw std::runtime_error("no luck backward"); });
    }
    const double guess = std::log(static_cast<double>(own.total));
    return {value, makes("no_guess") ? 0.0 : guess, {}};
  }

  void after_step(const Embeddings& z_nD, const Batch& batch) override {
    if (makes("throw_in_after_step")) throw std::runtime_error("no luck in after_step");
    const at::Tensor rows_ND =
        makes("local_centre")
            ? z_nD[1]
            : group_.all_gather(z_nD[1], rows_by_rank(batch.shard.total, group_.size()));
    centre_.mul_(0.9).add_(rows_ND.mean(0).to(centre_.scalar_type()), 0.1);
  }

  void before_epoch(EpochContext& context) override {
    if (makes("draw_in_before_epoch")) {
      at::randperm(static_cast<int64_t>(context.order.size()), at::kLong);
    }
  }

  std::vector<ParameterGroup> parameter_groups() override {
    std::vector<ParameterGroup> groups = Recipe::parameter_groups();
    for (ParameterGroup& group : groups) group.frozen = makes("frozen");
    return groups;
  }

  std::shared_ptr<Encoder> encoder() const override { return encoder_; }

 private:
  bool makes(const char* mistake) const { return config_.mistake == mistake; }

  at::Tensor centred(const at::Tensor& rows_nD) const {
    const at::Tensor length_n1 = rows_nD.norm(2, {1}, /*keepdim=*/true).clamp_min(1e-12);
    return rows_nD / length_n1 - centre_.to(rows_nD.scalar_type());
  }

  at::Tensor gathered(const at::Tensor& mine_nD, const Shard& own) {
    const std::vector<int64_t> rows = rows_by_rank(own.total, group_.size());
    if (makes("detached_gather")) return group_.all_gather(mine_nD.detach().contiguous(), rows);
    const at::Tensor all_ND = gather_with_grad(group_, mine_nD, rows);
    if (!makes("own_slice")) return all_ND;
    const at::Tensor others_ND = all_ND.detach();
    return at::cat({others_ND.slice(0, 0, own.begin), mine_nD, others_ND.slice(0, own.end)});
  }

  FlawedConfig config_;
  Group& group_;
  std::shared_ptr<Encoder> encoder_;
  std::shared_ptr<Linear> head_;
  at::Tensor centre_, calls_;
  int64_t hidden_calls_ = 0;
};

}  // namespace
}  // namespace nearfar

NEARFAR_RECIPE(nearfar::Flawed, nearfar::FlawedConfig, "flawed", "breaks one law: for tests",
               "none")
