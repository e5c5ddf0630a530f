// Gradient caching: micro-batches under the loss of the whole batch give its gradient.
#include "framework/conformance/difference.h"
#include "framework/conformance/law.h"
#include "framework/conformance/short_run.h"
#include "framework/log/quantities.h"

namespace nearfar {
namespace {

constexpr int64_t kSteps = 3;
constexpr double kRate = 0.001;  // steps that do not make rounding grow

std::string problem_of(int64_t micro_batch, int64_t step, const Difference& worst,
                       const std::string& what) {
  return "micro-batches of " + std::to_string(micro_batch) + ", step " + std::to_string(step + 1) +
         ": " + what + worst.name + " is not that of the whole batch: off by " +
         format_significant(worst.relative, 3) + " of its largest value (" +
         to_words(worst.expected, worst.found) +
         "); row i of an embedding may depend on row i of the batch and its BatchNorm group alone, "
         "and loss() on nothing but embeddings, batch and state";
}

Finding examine_micro_batches(const Subject& subject) {
  SoloGroup group;
  // Groups of four, the last one of two; pieces of one and of two groups.
  const MiniaturePlan small{.batch = 14, .norm_batch = 4};
  double largest = 0.0;
  for (const int64_t micro_batch : {4, 8}) {
    ShortRun whole(subject, {.small = small, .rate = kRate}, group);
    ShortRun pieces(subject, {.small = small, .micro_batch = micro_batch, .rate = kRate}, group);
    for (int64_t step = 0; step < kSteps; ++step) {
      const StepTrace expected = whole.step(), found = pieces.step();
      const Difference gradient = worst_gradient(expected.gradients, found.gradients);
      const Difference state = worst_difference(copies_of(whole.state()), pieces.state(), 1e-3);
      for (const auto& [worst, what] : {std::pair(gradient, "the gradient of "), {state, ""}}) {
        if (worst.relative > kRounding) {
          return {Verdict::broken, problem_of(micro_batch, step, worst, what)};
        }
        largest = std::max(largest, worst.relative);
      }
    }
  }
  return {Verdict::holds, "gradients and state over " + std::to_string(kSteps) +
                              " steps: largest difference " + format_significant(largest, 2) +
                              " of a tensor's largest value, at most " +
                              format_significant(kRounding, 2)};
}

}  // namespace

const Law kMicroBatchesLaw{"micro_batches", "train.micro_batch leaves the gradient as it is",
                           examine_micro_batches};

}  // namespace nearfar
