// Predictions, losses and bounds of all steps.
#include "recipes/blocks/row_predictors.h"

#include <torch/types.h>

#include <string>

#include "framework/error.h"
#include "framework/losses/predictive.h"

namespace nearfar {

// Shapes: n local images of P places, m of which have a place k rows below them; z of a target, D
// of a context.

RowPredictors::RowPredictors(int64_t contexts, int64_t targets, int64_t rows,
                             const RowPredictorsConfig& config, Group& group)
    : config_(config), group_(group) {
  if (config.last_step >= rows || config.last_step < config.first_step) {
    throw ConfigError("recipe.last_step: expected recipe.first_step (" +
                      std::to_string(config.first_step) + ") to " + std::to_string(rows - 1) +
                      " where views have " + std::to_string(rows) + " rows of patches, got " +
                      std::to_string(config.last_step));
  }
  for (int64_t k = config.first_step; k <= config.last_step; ++k) {
    predictors_.push_back(register_module("predictor" + std::to_string(k),
                                          std::make_shared<Linear>(contexts, targets, false)));
  }
}

Loss RowPredictors::loss(const at::Tensor& target_nPz, const at::Tensor& context_nRCD,
                         const Batch& batch) const {
  const auto steps = static_cast<double>(predictors_.size());
  const int64_t rows = target_nPz.size(1) / context_nRCD.size(2);
  const Candidates candidates =
      draw_candidates(group_, target_nPz, batch.shard, config_.negatives, batch.random);
  Loss all;
  all.value = at::zeros({}, target_nPz.options());
  std::vector<at::Tensor> losses;
  std::vector<double> log_candidates;
  for (size_t i = 0; i < predictors_.size(); ++i) {
    const int64_t k = config_.first_step + static_cast<int64_t>(i);
    const at::Tensor context_nmD = context_nRCD.narrow(1, 0, rows - k).flatten(1, 2);
    const PlacesLoss step =
        places_loss(group_, predictors_[i]->forward(context_nmD) / config_.temperature, target_nPz,
                    candidates, batch.shard);
    all.value = all.value + step.loss / steps;
    all.random_guess += step.log_candidates / steps;
    losses.push_back(step.loss.detach());
    log_candidates.push_back(step.log_candidates);
  }
  const at::Tensor loss_S = group_.all_sum(at::stack(losses)) / group_.size();
  all.report.emplace_back("mutual_information_bound", all.random_guess - loss_S.mean());
  for (size_t i = 0; i < losses.size(); ++i) {
    const std::string step = std::to_string(config_.first_step + static_cast<int64_t>(i));
    all.report.emplace_back("mutual_information_bound_" + step,
                            log_candidates[i] - loss_S[static_cast<int64_t>(i)]);
  }
  return all;
}

}  // namespace nearfar
