// The level of random guessing that a recipe gives is what its loss costs where nothing is known,
// and a fresh network begins near it.
#include <torch/types.h>

#include "framework/conformance/law.h"
#include "framework/conformance/short_run.h"
#include "framework/log/quantities.h"

namespace nearfar {
namespace {

/// A loss as a share of random guessing. Embeddings that are nearly alike cost the level itself,
/// whatever the temperature; a bank that starts with random rows of 64 numbers has similarities of
/// variance 1/64, which raise a softmax at T = 0.07 by 1 / (2 * 64 * T^2), 38 % of ln 64. A fresh
/// network's similarities on unrelated noise are of variance 1/20, the rise at T = 0.07 up to 140
/// %. A sum for a mean, a wrong sign, a loss counted twice are outside.
struct Bounds {
  double least, most;
};
constexpr Bounds kNothingKnown{0.67, 1.5}, kFresh{0.25, 4.0};

/// One row for all images, and a little noise that tells none of them.
Embeddings know_nothing(const Embeddings& like) {
  constexpr double kNoise = 0.01;
  Embeddings made;
  for (size_t e = 0; e < like.size(); ++e) {
    Random random(3, 0, e, Purpose::recipe, 5);
    const at::Tensor noise = at::empty(like[e].sizes(), at::kDouble);
    double* data = noise.data_ptr<double>();
    for (int64_t i = 0; i < noise.numel(); ++i) data[i] = kNoise * random.normal();
    made.push_back((noise + 1.0).to(like[e].scalar_type()));
  }
  return made;
}

struct Levels {
  double nothing = 0.0, fresh = 0.0, guess = 0.0;
};

/// At the first step that has a level: MoCo has none before its queue holds keys.
Levels levels_of(const Subject& subject) {
  constexpr int kTries = 3;
  const at::NoGradGuard no_grad;
  SoloGroup group;
  const ShortPlan plan{.small = {.batch = 32, .shaken = false}, .own = 1.0};
  ShortRun nothing(subject, plan, group), fresh(subject, plan, group);
  const Batch batch = nothing.next_batch();
  fresh.next_batch();
  const Embeddings embeddings = fresh.embed(batch);
  const Embeddings unknown = know_nothing(embeddings);
  Levels levels;
  for (int i = 0; i < kTries && levels.guess == 0.0; ++i) {
    const Loss of_nothing = nothing.recipe().loss(unknown, batch);
    levels = {of_nothing.value.item<double>(),
              fresh.recipe().loss(embeddings, batch).value.item<double>(), of_nothing.random_guess};
    nothing.recipe().after_step(unknown, batch);
    fresh.recipe().after_step(embeddings, batch);
  }
  return levels;
}

bool is_inside(double loss, double guess, const Bounds& bounds) {
  return loss / guess >= bounds.least && loss / guess <= bounds.most;
}

std::string expected_words(const Bounds& bounds) {
  return ": expected " + format_significant(bounds.least, 2) + " to " +
         format_significant(bounds.most, 2) + " times random guessing, which the recipe gives as ";
}

Finding examine_random_guess(const Subject& subject) {
  const Levels found = levels_of(subject);
  const auto number = [](double value) { return format_significant(value, 4); };
  if (found.guess == 0.0) {
    return {Verdict::not_asked,
            "the recipe gives no Loss::random_guess (found 0), so nobody is told when it does not "
            "learn; a fresh network has a loss of " +
                number(found.fresh)};
  }
  if (!is_inside(found.nothing, found.guess, kNothingKnown)) {
    return {Verdict::broken,
            "embeddings that are alike for all images have a loss of " + number(found.nothing) +
                expected_words(kNothingKnown) + number(found.guess) +
                "; a sum instead of a mean, a wrong sign or a wrong count of negatives"};
  }
  if (!is_inside(found.fresh, found.guess, kFresh)) {
    return {Verdict::broken,
            "a fresh network on unrelated images begins with a loss of " + number(found.fresh) +
                expected_words(kFresh) + number(found.guess) +
                "; too large a start of the weights, or images that meet themselves"};
  }
  return {Verdict::holds, "loss " + number(found.fresh) + " of a fresh network, " +
                              number(found.nothing) + " where nothing is known, random guessing " +
                              number(found.guess)};
}

}  // namespace

const Law kRandomGuessLaw{"random_guess", "the loss begins near random guessing",
                          examine_random_guess};

}  // namespace nearfar
