// Golden cases of losses and distances: what `nearfar loss` and `nearfar distance` offer.
#include "tests/golden_runner/case.h"
#include "tools/formulas/formula.h"

namespace nearfar::golden {
namespace {

constexpr const char* kOrigin = "hyper-parameters";

Operation operation_of(const Formula& formula) {
  return [&formula](const Case& item) {
    Settings settings;
    settings.add_layer(item.hyperparameters, kOrigin);
    return evaluate(formula, item.tensors, settings);
  };
}

/// The distance that the hyper-parameter kind names, with the others as a command line has them.
Tensors pairwise_case(const Case& item) {
  Settings settings;
  for (const auto& [key, value] : item.hyperparameters.members()) {
    if (key == "kind") continue;
    const std::string word = value.is_string() ? value.as_string() : to_text(value, -1);
    settings.add_assignment(key + "=" + word, kOrigin);
  }
  const std::string& kind = item.hyperparameters.at("kind").as_string();
  return evaluate(find_formula(distance_formulas(), kind), item.tensors, settings);
}

}  // namespace

void add_formulas(Operations& operations) {
  for (const Formula& formula : loss_formulas()) operations[formula.name] = operation_of(formula);
  operations["pairwise"] = pairwise_case;
  operations["energy"] = operation_of(find_formula(distance_formulas(), "energy"));
  operations["sinkhorn_distance"] = operation_of(find_formula(distance_formulas(), "sinkhorn"));
}

}  // namespace nearfar::golden
