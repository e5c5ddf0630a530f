// A golden case, and the table of operations that compute one.
#pragma once

#include <torch/types.h>

#include <functional>
#include <map>
#include <string>

#include "framework/json/json.h"

namespace nearfar::golden {

using Tensors = std::map<std::string, at::Tensor>;

/// One row of index.json with the tensors of its file.
struct Case {
  std::string file;
  std::string family;
  std::string operation;
  Json hyperparameters;
  Tensors tensors;
};

/// Computes the case's outputs from its inputs, under the case's own tensor names. Names that the
/// case does not hold are ignored; an expected tensor that is not among the outputs counts as an
/// input.
using Operation = std::function<Tensors(const Case&)>;

/// By operation name, or "operation:case" for one case alone. A case that throws Unsupported is
/// reported as such.
using Operations = std::map<std::string, Operation>;

struct Unsupported : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void add_augmentation(Operations& operations);  // augmentation_cases.cpp
void add_encoders(Operations& operations);      // encoder_cases.cpp
void add_evaluation(Operations& operations);    // evaluation_cases.cpp
void add_optimizers(Operations& operations);    // optimizer_cases.cpp: optimizers, schedules
void add_vits(Operations& operations);          // vit_cases.cpp: networks, position embeddings
void add_formulas(Operations& operations);      // formula_cases.cpp: losses and distances
/// rank_cases.cpp: losses and gathering over ranks; after add_formulas.
void add_losses_over_ranks(Operations& operations);

}  // namespace nearfar::golden
