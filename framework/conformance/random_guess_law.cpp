// The loss of a fresh network on unrelated images is near what the recipe calls random guessing.
#include <torch/types.h>

#include <cmath>

#include "framework/conformance/difference.h"
#include "framework/conformance/law.h"
#include "framework/conformance/short_run.h"
#include "framework/log/quantities.h"

namespace nearfar {
namespace {

/// Similarities of untrained embeddings with variance v raise a softmax at temperature T by about
/// v / (2 T^2), which published temperatures (0.07 to 0.5) keep within the level itself; a sum in
/// the place of a mean, a wrong sign or a wrong count of classes does not stay there.
constexpr double kLeast = 0.5, kMost = 2.0;

Finding examine_random_guess(const Subject& subject) {
  constexpr int64_t kSteps = 4;  // what starts empty (a queue) has filled
  SoloGroup group;
  ShortPlan plan{.small = {.batch = 32, .shaken = false}};
  plan.own = 1.0;
  plan.rate = 0.0;
  ShortRun run(subject, plan, group);
  StepTrace last;
  for (int64_t step = 0; step < kSteps; ++step) last = run.step();
  const double guess = last.random_guess;
  const std::string found = "loss " + format_significant(last.loss, 4) + ", random guessing " +
                            format_significant(guess, 4);
  if (guess == 0.0) {
    return {Verdict::not_asked,
            "the recipe gives no Loss::random_guess (found 0), so nobody is "
            "told when it does not learn; " +
                found};
  }
  const double share = last.loss / guess;
  if (share >= kLeast && share <= kMost) return {Verdict::holds, found};
  return {Verdict::broken, found + ": expected a fresh network on unrelated images within " +
                               format_significant(kLeast, 2) + " and " +
                               format_significant(kMost, 2) +
                               " times that; a sum instead of a mean, a wrong sign, a wrong count "
                               "of negatives, or images that meet themselves"};
}

}  // namespace

const Law kRandomGuessLaw{"random_guess", "the loss begins near random guessing",
                          examine_random_guess};

}  // namespace nearfar
