// A method of judging: what it does with the features of one source, and what its headline means.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "framework/evaluate/evaluation.h"
#include "framework/json/json.h"

namespace nearfar {

/// The labelled images of one draw.
struct LabelledDraw {
  uint64_t seed = 0;
  at::Tensor positions;  // into the training part, ascending
};

/// What a method needs to judge one source with one share of the labels.
struct EvaluationTask {
  std::string source;  // encoder, untrained or raw_pixels
  const SplitFeatures& features;
  const EvaluationInputs& inputs;
  const EvaluationConfig& config;
  double fraction;                         // of the training labels
  const std::vector<LabelledDraw>& draws;  // labelled subsets of that share

  int64_t classes() const { return static_cast<int64_t>(inputs.data.class_names.size()); }
  bool is_baseline_to_beat() const { return source == "raw_pixels"; }
  /// The rows of a draw, of features or labels of the training part.
  at::Tensor rows(const at::Tensor& all, const LabelledDraw& draw) const {
    return draw.positions.size(0) == all.size(0) ? all : all.index_select(0, draw.positions);
  }
};

struct EvaluationMethod {
  const char* name;      // in evaluate.methods and in the document
  const char* headline;  // key of the number that stands for an entry; larger is better
  const char* title;     // of that number, in the table
  const char* remark;    // what the reader of the table must know
  bool fits_labels;      // judged once for each share of the training labels; else once, as "1.0"
  /// The entry of the document: at least the headline, "spread", "seeds", "interval", "settings".
  Json (*judge)(const EvaluationTask& task);
  /// Throws DataError when the labels do not allow the method, ConfigError for its settings: before
  /// hours of extraction and other methods, so without features.
  void (*check)(const EvaluationInputs& inputs, const EvaluationConfig& config) = nullptr;
};

// Each in a file of its own, NAME_method.cpp.
extern const EvaluationMethod kLinearMethod;
extern const EvaluationMethod kLinearSgdMethod;
extern const EvaluationMethod kKnnMethod;
extern const EvaluationMethod kRetrievalMethod;
extern const EvaluationMethod kClusteringMethod;
extern const EvaluationMethod kVerificationMethod;
extern const EvaluationMethod kOpenSetMethod;

/// All methods, in the order in which errors and help name them.
const std::vector<const EvaluationMethod*>& known_methods();

/// The method of that name; throws ConfigError when there is none.
const EvaluationMethod& find_method(const std::string& name);

}  // namespace nearfar
