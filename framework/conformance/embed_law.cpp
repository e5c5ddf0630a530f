// embed() is pure and repeatable: gradient caching calls it in pieces and twice.
#include <torch/types.h>

#include "framework/conformance/difference.h"
#include "framework/conformance/law.h"
#include "framework/conformance/short_run.h"

namespace nearfar {
namespace {

std::string shape_problem(const Embeddings& embeddings, int64_t rows) {
  if (embeddings.empty()) return "embed() returned no embeddings";
  bool any_gradient = false;
  for (size_t e = 0; e < embeddings.size(); ++e) {
    const at::Tensor& one = embeddings[e];
    if (!one.defined() || one.dim() == 0 || one.size(0) != rows) {
      return "embedding " + std::to_string(e) + ": expected " + std::to_string(rows) +
             " rows, one a sample";
    }
    any_gradient = any_gradient || one.requires_grad();
  }
  return any_gradient ? "" : "no embedding requires grad: nothing would be learned";
}

std::string repeat_problem(const Embeddings& first, const Embeddings& second, const char* when) {
  if (first.size() != second.size()) return "embed() returned another number of embeddings";
  for (size_t e = 0; e < first.size(); ++e) {
    if (first[e].equal(second[e])) continue;
    return "embedding " + std::to_string(e) + " has other bits " + when +
           ": take what is random from batch.random, and keep no state between calls";
  }
  return "";
}

Finding examine_embed(const Subject& subject) {
  SoloGroup group;
  ShortRun run(subject, {.small = {.batch = 12}}, group);
  run.step();
  const Batch batch = run.next_batch();
  const NamedTensors before = copies_of(run.state());
  const Embeddings first = run.embed(batch), second = run.embed(batch);
  Embeddings without;
  {
    const at::NoGradGuard no_grad;
    without = run.embed(batch);
  }
  const std::string moved = first_other_bits(before, run.state());
  for (const std::string& problem :
       {shape_problem(first, batch.shard.size()),
        repeat_problem(first, second, "when the batch is embedded again"),
        repeat_problem(first, without, "without a graph"),
        moved.empty() ? std::string()
                      : "embed() changed " + moved +
                            ": what moves belongs into after_step(); BatchNorm of "
                            "framework/encoders moves its statistics once a step"}) {
    if (!problem.empty()) return {Verdict::broken, problem};
  }
  return {Verdict::holds, "three calls gave the same bits and changed no parameter or buffer"};
}

}  // namespace

const Law kEmbedLaw{"embed", "embed() is pure and repeatable", examine_embed};

}  // namespace nearfar
