// The predictions of CPC: a linear map for each number of rows ahead, and their losses.
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "framework/encoders/layers.h"
#include "framework/recipe/recipe.h"

namespace nearfar {

struct RowPredictorsConfig {
  int64_t first_step = 1;
  int64_t last_step = 5;
  int64_t negatives = 0;
  double temperature = 1.0;

  void describe(auto& field) {
    field("first_step", first_step, int64_t{1}, int64_t{64},
          "rows from a context to the nearest patch that it predicts");
    field("last_step", last_step, int64_t{1}, int64_t{64},
          "rows from a context to the farthest patch that it predicts");
    field("negatives", negatives, int64_t{0}, int64_t{1} << 24,
          "patches of all images of the batch, drawn anew each step, that a prediction is told "
          "from; 0: all of them");
    field("temperature", temperature, 0.001, 1000.0, "divides predictions (v1: 1, v2: 10)");
  }
};

/// For each number of rows k from first_step to last_step a linear map W_k, child predictor<k>: the
/// context of a place predicts the target k rows below it (van den Oord et al. 2018, equations 3
/// and 4, section 3.3). Every patch of every image of the global batch is a candidate, those of the
/// same image included, or as many as `negatives` says.
class RowPredictors : public torch::nn::Module {
 public:
  /// Throws ConfigError, naming recipe.last_step, unless a grid of `rows` rows has such steps.
  RowPredictors(int64_t contexts, int64_t targets, int64_t rows, const RowPredictorsConfig& config,
                Group& group);

  /// target [n, P, z] of all places of a grid, row by row; context [n, rows, columns, D], of all
  /// rows but the last first_step at least. The mean over steps; reports mutual_information_bound,
  /// ln N - loss in nats (equation 5), of each step and their mean. A collective.
  Loss loss(const at::Tensor& target, const at::Tensor& context, const Batch& batch) const;

 private:
  RowPredictorsConfig config_;
  Group& group_;
  std::vector<std::shared_ptr<Linear>> predictors_;
};

}  // namespace nearfar
