// A recipe that throws where and what a test asks for, as long as the file `trigger` is there.
#include <c10/util/Exception.h>

#include <filesystem>

#include "augment/two_views.h"
#include "framework/losses/nt_xent.h"
#include "framework/recipe/plugin.h"
#include "recipes/blocks/projection_head.h"

namespace nearfar {
namespace {

struct ThrowingConfig {
  std::string where = "nowhere";
  std::string what = "runtime_error";
  std::string trigger;
  int64_t step = 0;
  ProjectionHeadConfig projection;
  TwoViews views;

  void describe(auto& field) {
    field("where", where,
          {"nowhere", "constructor", "views", "embed", "loss", "after_step", "before_epoch",
           "parameter_groups", "followers", "momentum", "encoder", "describe"},
          "function that throws");
    field("what", what, {"runtime_error", "check", "number", "config"}, "what it throws");
    field("trigger", trigger, "only while this file is there; empty: always");
    field("step", step, int64_t{0}, int64_t{1} << 40, "functions of a step throw from here on");
    field("projection", projection, "the head between encoder and loss");
    views.describe(field);
    throw_in("describe");
  }

  void throw_in(const std::string& function, int64_t now = 0) const {
    if (where != function || now < step) return;
    if (!trigger.empty() && !std::filesystem::exists(trigger)) return;
    TORCH_CHECK(what != "check", "the sum should be 3, got 4");
    if (what == "number") throw 42;
    if (what == "config") throw ConfigError("recipe.step: expected another");
    throw std::runtime_error("the cause\nand a second line");
  }
};

class Throwing final : public Recipe {
 public:
  Throwing(const ThrowingConfig& config, const Setup& setup)
      : config_(config), group_(setup.group) {
    config.throw_in("constructor");
    encoder_ = register_module("encoder", setup.make_encoder(config.views.first.size));
    target_ = register_module("target", setup.make_encoder(config.views.first.size));
    for (at::Tensor& parameter : target_->parameters()) parameter.set_requires_grad(false);
    head_ = register_module(
        "projection",
        std::make_shared<ProjectionHead>(encoder_->width(), config.projection, setup.plan.norm));
    moved_ = register_buffer("moved", at::zeros({1}));
  }

  std::vector<ViewPolicy> views() const override {
    config_.throw_in("views");
    return config_.views.list();
  }
  Embeddings embed(const Batch& batch) override {
    config_.throw_in("embed", batch.step);
    Random random = batch.random;
    Embeddings z;
    for (const at::Tensor& view : batch.views) {
      z.push_back(head_->forward(encoder_->forward(view, random)));
    }
    return z;
  }
  Loss loss(const Embeddings& z, const Batch& batch) override {
    config_.throw_in("loss", batch.step);
    return {
        nt_xent(group_, z[0], z[1], 0.5, batch.shard), nt_xent_random_guess(batch.shard.total), {}};
  }
  /// Throws when a half of it is done.
  void after_step(const Embeddings&, const Batch& batch) override {
    moved_ += 1;
    config_.throw_in("after_step", batch.step);
  }
  void before_epoch(EpochContext&) override { config_.throw_in("before_epoch"); }
  std::vector<ParameterGroup> parameter_groups() override {
    config_.throw_in("parameter_groups");
    return Recipe::parameter_groups();
  }
  std::vector<Follower> followers() override {
    config_.throw_in("followers");
    return {{encoder_, target_, [config = config_](double) {
               config.throw_in("momentum");
               return 0.9;
             }}};
  }
  std::shared_ptr<Encoder> encoder() const override {
    config_.throw_in("encoder");
    return encoder_;
  }

 private:
  ThrowingConfig config_;
  Group& group_;
  std::shared_ptr<Encoder> encoder_, target_;
  std::shared_ptr<ProjectionHead> head_;
  at::Tensor moved_;
};

}  // namespace
}  // namespace nearfar

NEARFAR_RECIPE(nearfar::Throwing, nearfar::ThrowingConfig, "throwing", "throws: for tests", "none")
