// The families of losses; each adds its own to the list.
#pragma once

#include "tools/formulas/formula.h"

namespace nearfar {

/// For formulas that have a temperature, and maybe more.
struct TemperatureConfig {
  double temperature = 0.1;
  void describe(auto& field) {
    field("temperature", temperature, 0.001, 10.0, "lower punishes near misses harder");
  }
};

/// Embeddings of a batch with a label each.
inline const std::vector<FormulaInput> kLabelledBatch{{"embeddings", "N d"},
                                                      {"label", "N", InputKind::index}};

void add_contrast_formulas(std::vector<Formula>& formulas);
void add_memory_formulas(std::vector<Formula>& formulas);
void add_agreement_formulas(std::vector<Formula>& formulas);
void add_prototype_formulas(std::vector<Formula>& formulas);
void add_pair_formulas(std::vector<Formula>& formulas);
void add_triplet_formulas(std::vector<Formula>& formulas);
void add_ranking_formulas(std::vector<Formula>& formulas);
void add_class_formulas(std::vector<Formula>& formulas);

}  // namespace nearfar
