// No function of a recipe throws while it trains; where one does, it is named.
#include "framework/conformance/law.h"
#include "framework/conformance/short_run.h"

namespace nearfar {
namespace {

Finding examine_exceptions(const Subject& subject) {
  constexpr int64_t kSteps = 5;  // into the third epoch
  SoloGroup group;
  ShortRun run(subject, {.small = {.batch = 12}}, group);
  for (int64_t step = 0; step < kSteps; ++step) run.step();
  run.recipe().encoder();
  return {Verdict::holds, "every function was called over " + std::to_string(kSteps) +
                              " steps of three epochs, and none threw"};
}

}  // namespace

const Law kExceptionsLaw{"exceptions", "it trains: no function of the recipe throws",
                         examine_exceptions};

}  // namespace nearfar
