// Metric learning with pairs and triplets of a labelled batch.
#include <torch/types.h>

#include <algorithm>
#include <cmath>

#include "framework/losses/distance_weighted.h"
#include "framework/losses/pair_losses.h"
#include "framework/losses/ranking.h"
#include "framework/losses/triplet.h"
#include "framework/losses/weighted_contrast.h"
#include "recipes/blocks/metric_loss.h"
#include "recipes/blocks/supervision.h"

namespace nearfar {
namespace {

// Shapes: n local samples, d of the embedding.

/// A loss of embeddings and labels that owns nothing.
class PairLoss final : public MetricLoss {
 public:
  using Value = std::function<at::Tensor(const at::Tensor& embedding_nd, const Batch& batch)>;
  /// What embeddings cost whose distances are all alike, which know nothing; 0: it depends on how
  /// far that is, or on how many triplets cost something, and no level can be given.
  using Level = std::function<double(const Batch& batch)>;

  PairLoss(const MetricLossSetup& setup, Value value, Level level)
      : value_(std::move(value)), level_(std::move(level)) {
    classes_to_learn(setup.data, setup.plan);
  }

  Loss loss(const at::Tensor& embedding_nd, const Batch& batch) override {
    return {value_(embedding_nd, batch), level_(batch), {}};
  }

 private:
  Value value_;
  Level level_;
};

PairLoss::Level always(double level) {
  return [level](const Batch&) { return level; };
}

Reduction reduction_of(const TripletLossConfig& config) {
  return config.reduction == "nonzero" ? Reduction::nonzero : Reduction::mean;
}

/// Wu et al. 2017: negatives of every distance alike, and a boundary that is learned.
class MarginLoss final : public MetricLoss {
 public:
  explicit MarginLoss(const MetricLossSetup& setup)
      : config_(setup.config.triplet), group_(setup.group) {
    classes_to_learn(setup.data, setup.plan);
    beta_ = register_parameter("beta", at::full({1}, config_.margin_beta));
  }

  Loss loss(const at::Tensor& embedding_nd, const Batch& batch) override {
    const LabelledBatch labelled =
        gather_labelled("margin_loss", group_, embedding_nd, batch.label, batch.shard);
    const at::Tensor triplets =
        distance_weighted_triplets(labelled, {config_.cutoff, config_.farthest}, batch.random);
    return {margin_loss(group_, labelled, triplets, beta_[0], config_.margin_alpha),
            0.0,
            {{"beta", beta_.detach()[0]}}};
  }

 private:
  TripletLossConfig config_;
  Group& group_;
  at::Tensor beta_;
};

using Make = std::shared_ptr<MetricLoss>;

Make make_batch_hard(const MetricLossSetup& setup, bool soft) {
  const TripletLossConfig own = setup.config.triplet;
  const auto value = [own, soft, &group = setup.group](const at::Tensor& x, const Batch& batch) {
    return batch_hard(group, x, batch.label, own.margin, soft, {own.squared, own.normalize},
                      batch.shard)
        .loss;
  };
  return std::make_shared<PairLoss>(setup, value, always(soft ? std::log(2.0) : own.margin));
}

Make make_facenet(const MetricLossSetup& setup) {
  const double margin = setup.config.triplet.margin;
  const auto value = [margin, &group = setup.group](const at::Tensor& x, const Batch& batch) {
    return facenet_semihard(group, x, batch.label, margin, batch.shard).loss;
  };
  return std::make_shared<PairLoss>(setup, value, always(margin));
}

Make make_triplets_of_kind(const MetricLossSetup& setup, TripletKind kind) {
  const TripletLossConfig& own = setup.config.triplet;
  const TripletOptions options{own.margin, {own.squared, own.normalize}, kind, reduction_of(own)};
  const auto value = [options, &group = setup.group](const at::Tensor& x, const Batch& batch) {
    return triplet_loss(group, x, batch.label, options, batch.shard);
  };
  // The mean over triplets that cost something may stay at the margin while they become fewer.
  const bool has_level = kind == TripletKind::all && options.reduction == Reduction::mean;
  return std::make_shared<PairLoss>(setup, value, always(has_level ? own.margin : 0.0));
}

Make make_triplet(const MetricLossSetup& setup) {
  const std::string& miner = setup.config.miner;
  if (miner == "batch_hard") return make_batch_hard(setup, false);
  if (miner == "batch_hard_soft") return make_batch_hard(setup, true);
  if (miner == "facenet") return make_facenet(setup);
  if (miner == "distance_weighted") return std::make_shared<MarginLoss>(setup);
  return make_triplets_of_kind(setup, triplet_kind(miner));
}

Make make_contrastive(const MetricLossSetup& setup) {
  const PairLossConfig& own = setup.config.pairs;
  const TwoMargins margins{own.positive_margin, own.negative_margin};
  const auto value = [margins, &group = setup.group](const at::Tensor& x, const Batch& batch) {
    return contrastive_two_margins(group, x, batch.label, margins, batch.shard);
  };
  return std::make_shared<PairLoss>(setup, value,
                                    always(std::max(0.0, margins.negative - margins.positive)));
}

Make make_lifted_structure(const MetricLossSetup& setup) {
  const double margin = setup.config.pairs.lifted_margin;
  const auto value = [margin, &group = setup.group](const at::Tensor& x, const Batch& batch) {
    return lifted_structure(group, x, batch.label, margin, batch.shard);
  };
  return std::make_shared<PairLoss>(setup, value, always(0.0));
}

Make make_multi_similarity(const MetricLossSetup& setup) {
  const PairLossConfig& own = setup.config.pairs;
  const MultiSimilarity options{own.alpha, own.beta, own.base};
  const auto value = [options, &group = setup.group](const at::Tensor& x, const Batch& batch) {
    return multi_similarity(group, x, batch.label, options, batch.shard);
  };
  return std::make_shared<PairLoss>(setup, value, always(0.0));
}

Make make_circle(const MetricLossSetup& setup) {
  const PairLossConfig own = setup.config.pairs;
  const auto value = [own, &group = setup.group](const at::Tensor& x, const Batch& batch) {
    return circle(group, x, batch.label, own.circle_margin, own.gamma, batch.shard);
  };
  return std::make_shared<PairLoss>(setup, value, always(0.0));
}

Make make_sup_con(const MetricLossSetup& setup) {
  const PairLossConfig& own = setup.config.pairs;
  const SupConForm form =
      own.form == "mean_outside_log" ? SupConForm::mean_outside_log : SupConForm::mean_inside_log;
  const auto value = [form, temperature = own.temperature, &group = setup.group](
                         const at::Tensor& x, const Batch& batch) {
    return sup_con(group, x, batch.label, temperature, form, batch.shard);
  };
  return std::make_shared<PairLoss>(setup, value, [](const Batch& batch) {
    return std::log(std::max(1.0, static_cast<double>(batch.shard.total - 1)));
  });
}

}  // namespace

const std::vector<std::string>& miner_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all = triplet_kind_names();
    all.insert(all.end(), {"batch_hard", "batch_hard_soft", "facenet", "distance_weighted"});
    return all;
  }();
  return names;
}

const MetricLossList& pair_metric_losses() {
  static const MetricLossList list{{"contrastive", make_contrastive},
                                   {"triplet", make_triplet},
                                   {"lifted_structure", make_lifted_structure},
                                   {"multi_similarity", make_multi_similarity},
                                   {"circle", make_circle},
                                   {"sup_con", make_sup_con}};
  return list;
}

}  // namespace nearfar
