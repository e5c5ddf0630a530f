// Metric learning with a weight for each class: softmax, its margins, centres.
#include <torch/types.h>

#include <cmath>
#include <numbers>

#include "framework/encoders/layers.h"
#include "framework/losses/class_softmax.h"
#include "recipes/blocks/metric_loss.h"
#include "recipes/blocks/supervision.h"

namespace nearfar {
namespace {

// Shapes: n local samples, d of the embedding, C classes. Every rank holds all class weights.

/// What most of these losses are: cross entropy over classes.
class ClassLoss : public MetricLoss {
 public:
  explicit ClassLoss(const MetricLossSetup& setup)
      : config_(setup.config.classes),
        group_(setup.group),
        classes_(classes_to_learn(setup.data, setup.plan)) {}

 protected:
  double log_classes() const { return std::log(static_cast<double>(classes_)); }

  ClassLossConfig config_;
  Group& group_;
  int64_t classes_;
};

/// The classifier of an ordinary network; with centres, those of Wen et al. 2016.
class Softmax : public ClassLoss {
 public:
  explicit Softmax(const MetricLossSetup& setup) : ClassLoss(setup) {
    classifier_ = register_module("classifier", std::make_shared<Linear>(setup.width, classes_));
  }

  Loss loss(const at::Tensor& embedding_nd, const Batch& batch) override {
    const auto parameters = classifier_->named_parameters();
    return {softmax_loss(group_, embedding_nd, all_classes(parameters["weight"]),
                         parameters["bias"], batch.label, batch.shard),
            log_classes(),
            {}};
  }

 private:
  std::shared_ptr<Linear> classifier_;
};

class Center final : public Softmax {
 public:
  explicit Center(const MetricLossSetup& setup) : Softmax(setup) {
    centers_ = register_buffer("centers", at::zeros({classes_, setup.width}));
  }

  void after_step(const at::Tensor& embedding_nd, const Batch& batch) override {
    centers_.copy_(moved_centers(group_, embedding_nd, centers_, batch.label, config_.center_rate));
  }

  /// The level is that of the softmax: how long embeddings are that know nothing is not known.
  Loss loss(const at::Tensor& embedding_nd, const Batch& batch) override {
    Loss whole = Softmax::loss(embedding_nd, batch);
    const at::Tensor apart = center_loss(group_, embedding_nd, centers_, batch.label, batch.shard);
    whole.value = whole.value + apart * config_.center_weight;
    whole.report.emplace_back("center_loss", apart.detach());
    return whole;
  }

 private:
  at::Tensor centers_;
};

/// Losses of the angles between embeddings and class weights, which start in random directions.
class AngularLoss : public ClassLoss {
 public:
  explicit AngularLoss(const MetricLossSetup& setup) : ClassLoss(setup) {
    weight_Cd_ = register_parameter(
        "weight", at::randn({classes_, setup.width}) / std::sqrt(static_cast<double>(setup.width)));
  }

 protected:
  at::Tensor weight_Cd_;
};

class NormalizedSoftmax final : public AngularLoss {
 public:
  using AngularLoss::AngularLoss;

  Loss loss(const at::Tensor& embedding_nd, const Batch& batch) override {
    return {normalized_softmax(group_, embedding_nd, all_classes(weight_Cd_), batch.label,
                               config_.temperature, batch.shard),
            log_classes(),
            {}};
  }
};

/// ArcFace or CosFace.
class CombinedMargin final : public AngularLoss {
 public:
  CombinedMargin(const MetricLossSetup& setup, const AngularMargins& margins)
      : AngularLoss(setup), margins_(margins) {}

  Loss loss(const at::Tensor& embedding_nd, const Batch& batch) override {
    return {combined_margin(group_, embedding_nd, all_classes(weight_Cd_), batch.label, margins_,
                            batch.shard),
            random_guess(),
            {}};
  }

 private:
  /// Where every weight is at a right angle: the target's logit has its margin, the others are 0.
  double random_guess() const {
    const double target =
        margins_.scale *
        (std::cos(margins_.m1 * std::numbers::pi / 2.0 + margins_.m2) - margins_.m3);
    return -target + std::log(std::exp(target) + static_cast<double>(classes_ - 1));
  }

  AngularMargins margins_;
};

class ASoftmax final : public AngularLoss {
 public:
  using AngularLoss::AngularLoss;

  /// The level is that of lambda's start, a softmax.
  Loss loss(const at::Tensor& embedding_nd, const Batch& batch) override {
    const LambdaSchedule schedule{config_.lambda_base, config_.lambda_gamma, config_.lambda_power,
                                  config_.lambda_lowest};
    const double lambda = schedule.at(batch.step);
    return {a_softmax(group_, embedding_nd, all_classes(weight_Cd_), batch.label, config_.m, lambda,
                      batch.shard),
            log_classes(),
            {{"lambda", at::scalar_tensor(lambda, at::kDouble)}}};
  }
};

std::shared_ptr<MetricLoss> make_arcface(const MetricLossSetup& setup) {
  const ClassLossConfig& own = setup.config.classes;
  return std::make_shared<CombinedMargin>(setup, AngularMargins{.scale = own.arcface_scale,
                                                                .m1 = 1.0,
                                                                .m2 = own.arcface_margin,
                                                                .m3 = 0.0,
                                                                .monotone = own.monotone});
}

std::shared_ptr<MetricLoss> make_cosface(const MetricLossSetup& setup) {
  const ClassLossConfig& own = setup.config.classes;
  return std::make_shared<CombinedMargin>(
      setup,
      AngularMargins{.scale = own.cosface_scale, .m1 = 1.0, .m2 = 0.0, .m3 = own.cosface_margin});
}

}  // namespace

const MetricLossList& class_metric_losses() {
  static const MetricLossList list{{"softmax", metric_loss_of<Softmax>},
                                   {"normalized_softmax", metric_loss_of<NormalizedSoftmax>},
                                   {"arcface", make_arcface},
                                   {"cosface", make_cosface},
                                   {"a_softmax", metric_loss_of<ASoftmax>},
                                   {"center", metric_loss_of<Center>}};
  return list;
}

}  // namespace nearfar
