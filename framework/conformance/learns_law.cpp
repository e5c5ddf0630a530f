// The loss falls where a few images are seen again and again.
#include <cmath>

#include "framework/conformance/law.h"
#include "framework/conformance/short_run.h"
#include "framework/log/quantities.h"

namespace nearfar {
namespace {

constexpr int64_t kSteps = 60, kWindow = 10;
constexpr double kRates[] = {0.003, 0.03};
constexpr double kLeastFall = 0.02;  // of the first losses

/// Means of the first and the last losses. What guessing costs may change (a queue fills), and is
/// taken off.
std::pair<double, double> first_and_last(const Subject& subject, double rate) {
  SoloGroup group;
  ShortPlan plan{.small = {.batch = 16, .images = 32, .steps = kSteps, .shaken = false}};
  plan.own = 0.3;
  plan.rule = "adamw";
  plan.rate = rate;
  ShortRun run(subject, plan, group);
  double first = 0.0, last = 0.0, level = 0.0;
  for (int64_t step = 0; step < kSteps; ++step) {
    const StepTrace trace = run.step();
    level = trace.random_guess;
    const double above = trace.loss - trace.random_guess;
    if (step < kWindow) first += above / kWindow;
    if (step >= kSteps - kWindow) last += above / kWindow;
  }
  return {first + level, last + level};
}

Finding examine_learning(const Subject& subject) {
  std::string found;
  for (const double rate : kRates) {
    const auto [first, last] = first_and_last(subject, rate);
    const std::string words = "from " + format_significant(first, 4) + " to " +
                              format_significant(last, 4) + " in " + std::to_string(kSteps) +
                              " steps of AdamW at " + format_significant(rate, 2);
    if (first - last > kLeastFall * std::abs(first))
      return {Verdict::holds, "the loss falls " + words};
    found += (found.empty() ? "" : "; ") + words;
  }
  return {Verdict::broken,
          "the loss of 32 images does not fall: " + found +
              "; expected the means of the first and last " + std::to_string(kWindow) +
              " steps to differ by " + format_significant(100 * kLeastFall, 2) +
              " % (parameters that no group holds? a detached embedding? a wrong sign?)"};
}

}  // namespace

const Law kLearnsLaw{"learns", "the loss falls on a tiny set", examine_learning};

}  // namespace nearfar
