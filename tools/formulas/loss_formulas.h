// The families of losses; each adds its own to the list.
#pragma once

#include "tools/formulas/formula.h"

namespace nearfar {

void add_contrast_formulas(std::vector<Formula>& formulas);
void add_memory_formulas(std::vector<Formula>& formulas);
void add_agreement_formulas(std::vector<Formula>& formulas);
void add_prototype_formulas(std::vector<Formula>& formulas);
void add_pair_formulas(std::vector<Formula>& formulas);
void add_triplet_formulas(std::vector<Formula>& formulas);
void add_ranking_formulas(std::vector<Formula>& formulas);
void add_class_formulas(std::vector<Formula>& formulas);

}  // namespace nearfar
