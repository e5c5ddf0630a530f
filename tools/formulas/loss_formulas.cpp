// All losses that are offered by name.
#include "tools/formulas/loss_formulas.h"

namespace nearfar {

const std::vector<Formula>& loss_formulas() {
  static const std::vector<Formula> all = [] {
    std::vector<Formula> formulas;
    add_contrast_formulas(formulas);
    add_memory_formulas(formulas);
    add_agreement_formulas(formulas);
    add_prototype_formulas(formulas);
    add_pair_formulas(formulas);
    add_triplet_formulas(formulas);
    add_ranking_formulas(formulas);
    add_class_formulas(formulas);
    return formulas;
  }();
  return all;
}

}  // namespace nearfar
