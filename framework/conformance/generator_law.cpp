// Nothing is drawn from LibTorch's global generator once a recipe is made.
#include "framework/conformance/law.h"
#include "framework/conformance/short_run.h"

namespace nearfar {
namespace {

Finding examine_generator(const Subject& subject) {
  constexpr int64_t kSteps = 5;
  SoloGroup group;
  ShortPlan plan{.small = {.batch = 12}};
  plan.watches_generator = true;
  ShortRun run(subject, plan, group);
  for (int64_t step = 0; step < kSteps; ++step) run.step();
  run.recipe().encoder();
  std::string who;
  for (const std::string& function : run.recipe().drew()) {
    who += (who.empty() ? "" : ", ") + function;
  }
  if (who.empty()) {
    return {Verdict::holds,
            "its state was the same after every call of " + std::to_string(kSteps) + " steps"};
  }
  return {Verdict::broken,
          who +
              " drew from LibTorch's global generator, whose state no checkpoint keeps and no "
              "rank shares: take batch.random, or context.random in before_epoch()"};
}

}  // namespace

const Law kGeneratorLaw{"generator", "nothing random but from the counters of the run",
                        examine_generator};

}  // namespace nearfar
