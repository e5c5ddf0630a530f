// No loss makes a tensor of more than B x (N + K): the differentiated rows by all rows.
#include <gtest/gtest.h>
#include <torch/types.h>

#include "tests/framework/losses/over_ranks.h"
#include "tests/tools/formulas/largest_result.h"
#include "tests/tools/formulas/made_up_inputs.h"

namespace nearfar {
namespace {

/// B x (N + K) of the given inputs, or the largest input where that is more; and one tile.
int64_t limit_of(const Formula& formula, const TensorsByName& inputs) {
  constexpr int64_t kTile = 256 * 512;
  int64_t differentiated = 0, all = 0, largest = 0;
  for (const auto& [name, tensor] : inputs) {
    if (tensor.dim() < 2 || !tensor.is_floating_point()) continue;
    const int64_t rows = tensor.numel() / tensor.size(-1);
    all += rows;
    largest = std::max(largest, tensor.numel());
    for (const FormulaInput& input : formula.inputs) {
      const std::string stem = input.name.substr(0, input.name.find('*'));
      const bool is_it = input.name == name || (stem != input.name && name.starts_with(stem));
      if (is_it && input.kind == InputKind::differentiable) differentiated += rows;
    }
  }
  return std::max(std::max(differentiated, int64_t{300}) * all, largest) + kTile;
}

/// Those whose output is larger by its definition.
bool lists_triplets(const Formula& formula) { return formula.name == "triplet_mining"; }

// 300 rows and more have 9e4 pairs, 1.4e6 numbers where each pair has its 16 dimensions, and 2.7e7
// triplets.
TEST(Formulas, NoTensorHasMoreThanAllPairs) {
  const ThreadCount one(1);
  for (const std::vector<Formula>* formulas : {&loss_formulas(), &distance_formulas()}) {
    for (const Formula& formula : *formulas) {
      if (lists_triplets(formula)) continue;
      const TensorsByName inputs = made_up_inputs(formula, 3, Oddity::many_rows);
      const LargestResult largest;
      evaluate(formula, inputs, Settings());
      EXPECT_LE(largest.elements(), limit_of(formula, inputs))
          << formula.name << ": " << largest.operation();
    }
  }
}

}  // namespace
}  // namespace nearfar
