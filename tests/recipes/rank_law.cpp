// Comparing ranks with one rank.
#include "tests/recipes/rank_law.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <stdexcept>

#include "distributed/thread_group.h"

namespace nearfar {
namespace {

LossAndGradient compute(const RankLaw& law, Group& inside, Group& group) {
  SmallRecipe small = make_small_recipe(law.subject.name, law.subject.settings, law.plan, inside);
  remember(small, law.plan, 0, inside);
  const Batch batch = small_batch(law.plan, 1, *small.recipe, group);
  const auto loss = [&](const Embeddings& embeddings) {
    return law.loss ? law.loss(inside, embeddings, batch)
                    : small.recipe->loss(embeddings, batch).value;
  };
  return loss_and_gradient(small, batch, group, loss);
}

}  // namespace

const std::vector<Subject>& law_subjects() {
  // Queues that wrap, and that a batch may be longer than.
  const std::vector<std::string> moco{"temperature=0.5",    "projection.layers=2",
                                      "projection.width=8", "momentum.start=0.9",
                                      "queue.length=20",    "view.size=12"};
  std::vector<std::string> both_ways = moco;
  both_ways.insert(both_ways.end(), {"symmetric=true", "queue.sharded=true"});
  const std::vector<std::string> bank{"proximal=1", "temperature=0.5", "projection.width=8",
                                      "view.size=12"};
  std::vector<std::string> softmax = bank, density = bank, nce = bank;
  softmax.push_back("noise=0");
  density.insert(density.end(), {"negatives=density", "density.neighbours=3", "density.count=10"});
  nce.insert(nce.end(), {"noise=16", "bank.sharded=true"});
  const std::vector<std::string> places{"view.size=12",   "patch=4",          "last_step=3",
                                        "temperature=10", "context.layers=2", "context.width=8"};
  std::vector<std::string> drawn = places;
  drawn.insert(drawn.end(), {"negatives=40", "targets=6", "stride=4", "last_step=2"});
  static const std::vector<Subject> subjects{
      {"simclr", {"temperature=0.5", "projection.width=8", "view.size=12"}},
      {"supervised", {"zero_start=false", "view.size=12"}},
      {"metric", {"view.size=12"}},
      {"metric", {"loss=center", "classes.center_weight=0.1", "view.size=12"}, "center"},
      {"moco", moco},
      {"moco", both_ways, "symmetric_sharded"},
      {"instance_discrimination", softmax, "softmax"},
      {"instance_discrimination", nce, "nce"},
      {"instance_discrimination", density, "density"},
      {"mocov3",
       {"temperature=0.5", "projection.hidden=8", "projection.width=8", "predictor.hidden=8",
        "view.size=12"}},
      {"cpc", places},
      {"cpc", drawn, "drawn"}};
  return subjects;
}

const Subject& law_subject(const std::string& label) {
  for (const Subject& subject : law_subjects()) {
    if (subject.label() == label) return subject;
  }
  throw std::out_of_range("no subject " + label);
}

LossAndGradient on_one_rank(const RankLaw& law) {
  SoloGroup group;
  return compute({law.subject, law.plan, {}, {}}, group, group);
}

Deviation deviation_of(const RankLaw& law, Group& group, const LossAndGradient& expected) {
  const std::unique_ptr<Group> wrapped = law.wrap ? law.wrap(group) : nullptr;
  const LossAndGradient found = compute(law, wrapped ? *wrapped : group, group);
  Deviation deviation{std::abs(found.loss - expected.loss) / std::abs(expected.loss), 0.0, ""};
  for (size_t p = 0; p < expected.gradients.size(); ++p) {
    const auto& [name, gradient] = expected.gradients[p];
    const double scale = std::max(1e-3, gradient.abs().max().item<double>());
    const double worst = (found.gradients[p].second - gradient).abs().max().item<double>() / scale;
    // Also where it is not a number.
    if (!(worst <= deviation.gradient)) deviation = {deviation.loss, worst, name};
  }
  return deviation;
}

Deviation deviation_of_threads(const RankLaw& law, int ranks) {
  const LossAndGradient expected = on_one_rank(law);
  std::mutex mutex;
  Deviation worst;
  run_ranks(ranks, [&](Group& group) {
    const Deviation deviation = deviation_of(law, group, expected);
    const std::lock_guard lock(mutex);
    worst.loss = std::max(worst.loss, deviation.loss);
    if (!(deviation.gradient <= worst.gradient)) {
      worst.gradient = deviation.gradient;
      worst.parameter = deviation.parameter;
    }
  });
  return worst;
}

}  // namespace nearfar
