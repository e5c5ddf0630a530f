// All that a recipe knows is in its parameters and buffers: another one that is given them does the
// same.
#include "framework/conformance/difference.h"
#include "framework/conformance/law.h"
#include "framework/conformance/scratch_folder.h"
#include "framework/conformance/short_run.h"

namespace nearfar {
namespace {

/// What differs after one more step of a recipe and of its twin; which function it shows in.
std::string difference_in_a_step(ShortRun& original, ShortRun& twin) {
  const StepTrace expected = original.step(), found = twin.step();
  if (expected.loss != found.loss) {
    return "its loss differs (" + to_words(expected.loss, found.loss) +
           "): something that embed(), loss() or before_epoch() reads";
  }
  const std::string gradient = first_other_bits(expected.gradients, found.gradients);
  if (!gradient.empty()) {
    return "its gradient of " + gradient + " differs: something that embed() or loss() reads";
  }
  const std::string state = first_other_bits(original.state(), twin.state());
  return state.empty() ? ""
                       : state +
                             " differs after the step: something that after_step(), a "
                             "follower's momentum or the optimiser reads";
}

Finding examine_state(const Subject& subject) {
  constexpr int64_t kSteps = 5;
  SoloGroup group;
  ShortRun original(subject, {.small = {.batch = 12}}, group);
  for (int64_t step = 0; step < kSteps; ++step) {
    const ScratchFolder folder;
    original.save(folder.path());
    ShortRun twin(subject, {.small = {.batch = 12, .seed = 18}}, group);
    twin.load(folder.path());
    const std::string difference = difference_in_a_step(original, twin);
    if (difference.empty()) continue;
    return {Verdict::broken,
            "a recipe with another seed that was given all parameters and buffers of step " +
                std::to_string(step) + ": " + difference +
                " is no registered buffer and not in the checkpoint; register_buffer() it (an "
                "integer too), or make it a function of batch.step and batch.random"};
  }
  return {Verdict::holds, "twins that were given the parameters and buffers after each of " +
                              std::to_string(kSteps) + " steps took the next one to the same bits"};
}

}  // namespace

const Law kStateLaw{"state", "all state is in the checkpoint", examine_state};

}  // namespace nearfar
