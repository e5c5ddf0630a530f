// Which of several settings a judge takes: the step that must never see the test set.
#include "framework/evaluate/choice.h"

#include <c10/util/Exception.h>

#include <algorithm>

namespace nearfar {

size_t best_held_out(const std::vector<double>& held_out) {
  TORCH_CHECK(!held_out.empty(), "best_held_out: expected at least one setting, got none");
  const auto best = std::max_element(held_out.begin(), held_out.end());
  return static_cast<size_t>(best - held_out.begin());
}

}  // namespace nearfar
