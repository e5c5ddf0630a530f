// Supervised metric learning: the loss that settings name, with what it owns.
#pragma once

#include <torch/nn/module.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "framework/recipe/recipe.h"
#include "recipes/blocks/metric_loss_config.h"

namespace nearfar {

/// A loss of embeddings [n, d] with their labels or targets; class weights and boundaries that are
/// learned are its parameters, what moves without gradient (centres) its buffers.
class MetricLoss : public torch::nn::Module {
 public:
  /// The mean over ranks is the loss of the global batch.
  virtual Loss loss(const at::Tensor& embedding_nd, const Batch& batch) = 0;
  /// For Recipe::after_step.
  virtual void after_step(const at::Tensor& embedding_nd, const Batch& batch);
};

/// What a loss is made for.
struct MetricLossSetup {
  const MetricLossConfig& config;
  int64_t width;  // of the embeddings
  Group& group;
  const DatasetInfo& data;
  const TrainPlan& plan;
};

/// The loss that config.loss names. Throws DataError for data without the labels or the targets
/// that it learns from, ConfigError for batches that it cannot learn from.
std::shared_ptr<MetricLoss> make_metric_loss(const MetricLossSetup& setup);

/// Losses by name: each family (a .cpp) lists its own.
using MetricLossMaker = std::function<std::shared_ptr<MetricLoss>(const MetricLossSetup&)>;
using MetricLossList = std::vector<std::pair<std::string, MetricLossMaker>>;
/// The maker of a loss that is a class of its own.
template <typename Made>
std::shared_ptr<MetricLoss> metric_loss_of(const MetricLossSetup& setup) {
  return std::make_shared<Made>(setup);
}
const MetricLossList& class_metric_losses();   // a weight for each class
const MetricLossList& pair_metric_losses();    // pairs and triplets of a labelled batch
const MetricLossList& n_pair_metric_losses();  // one pair of each class
const MetricLossList& target_metric_losses();  // real-valued targets

}  // namespace nearfar
