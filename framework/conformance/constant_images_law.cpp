// Images without any content give finite numbers.
#include <torch/types.h>

#include <cmath>

#include "framework/conformance/law.h"
#include "framework/conformance/short_run.h"

namespace nearfar {
namespace {

bool is_finite(const at::Tensor& values) {
  return !values.is_floating_point() || values.isfinite().all().item<bool>();
}

/// What is not finite first in a step on such images.
std::string first_not_finite(ShortRun& run) {
  const Batch batch = run.next_batch();
  const Embeddings embeddings = run.embed(batch);
  for (size_t e = 0; e < embeddings.size(); ++e) {
    if (!is_finite(embeddings[e])) return "embedding " + std::to_string(e);
  }
  const StepTrace trace = run.step();
  if (!std::isfinite(trace.loss)) return "the loss";
  for (const auto& [name, gradient] : trace.gradients) {
    if (!is_finite(gradient)) return "the gradient of " + name;
  }
  for (const auto& [name, value] : run.state()) {
    if (!is_finite(value)) return name + " after the step";
  }
  return "";
}

/// float32, as training is, and the recipe's own start: what is zero there is zero here. Without
/// stochastic depth, so that the views of an image are embedded alike.
Finding examine_constant_images(const Subject& given) {
  constexpr int64_t kSteps = 2;
  Subject subject = given;
  subject.config.encoder.drop_path = 0.0;
  SoloGroup group;
  for (const auto& [pixel, name] :
       {std::pair(0.0, "gray (0)"), {2.5, "white (2.5)"}, {-2.5, "black (-2.5)"}}) {
    ShortPlan plan{.small = {.batch = 8, .type = at::kFloat, .shaken = false}};
    plan.constant = pixel;
    ShortRun run(subject, plan, group);
    for (int64_t step = 0; step < kSteps; ++step) {
      const std::string problem = first_not_finite(run);
      if (problem.empty()) continue;
      return {Verdict::broken, "images of one colour, " + std::string(name) + ", step " +
                                   std::to_string(step + 1) + ": " + problem +
                                   " is not finite; where a norm or a variance can be zero, it, "
                                   "and its gradient, need a floor"};
    }
  }
  return {Verdict::holds,
          "embeddings, loss, gradients and state are finite on gray, white and black"};
}

}  // namespace

const Law kConstantImagesLaw{"constant_images", "a dead image cannot end a run",
                             examine_constant_images};

}  // namespace nearfar
