// A run that was stopped, rebuilt and restored goes on with the bits of one that never was.
#include "framework/conformance/difference.h"
#include "framework/conformance/law.h"
#include "framework/conformance/scratch_folder.h"
#include "framework/conformance/short_run.h"

namespace nearfar {
namespace {

Finding examine_resume(const Subject& subject) {
  constexpr int64_t kStop = 3, kSteps = 7;  // stopped within an epoch of two steps
  SoloGroup group;
  const ScratchFolder folder;
  ShortRun whole(subject, {.small = {.batch = 12}}, group);
  for (int64_t step = 0; step < kStop; ++step) whole.step();
  whole.save(folder.path());
  ShortRun resumed(subject, {.small = {.batch = 12, .seed = 18}}, group);
  resumed.load(folder.path());
  for (int64_t step = kStop; step < kSteps; ++step) {
    const double expected = whole.step().loss, found = resumed.step().loss;
    const std::string other = expected == found ? first_other_bits(whole.state(), resumed.state())
                                                : "the loss (" + to_words(expected, found) + ")";
    if (other.empty()) continue;
    return {Verdict::broken, "stopped after step " + std::to_string(kStop) +
                                 ", built anew and restored: after step " +
                                 std::to_string(step + 1) + " " + other +
                                 " has other bits than in a run that was never stopped; what the "
                                 "recipe keeps from step to step must be a registered buffer"};
  }
  return {Verdict::holds, "stopped after step 3 and never stopped: the same bits after step 7"};
}

}  // namespace

const Law kResumeLaw{"resume", "a run that goes on ends with the bits of one never stopped",
                     examine_resume};

}  // namespace nearfar
