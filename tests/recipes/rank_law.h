// The law of ranks: what n ranks compute of a batch is what one rank computes of it.
#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "tests/recipes/small_recipe.h"

namespace nearfar {

/// A recipe and the settings that it is tested with.
struct Subject {
  std::string name;
  std::vector<std::string> settings;
  std::string variant = "";  // of several with one recipe

  std::string label() const { return variant.empty() ? name : name + "_" + variant; }
};

inline void PrintTo(const Subject& subject, std::ostream* stream) { *stream << subject.label(); }

/// The built-in recipes, in variants that go other ways over ranks.
const std::vector<Subject>& law_subjects();
/// One of them. Throws std::out_of_range.
const Subject& law_subject(const std::string& label);

/// A recipe whose group or loss may have a mistake in it.
struct RankLaw {
  Subject subject;
  SmallPlan plan;
  /// Stands between the recipe and the group that its gradients are averaged over.
  std::function<std::unique_ptr<Group>(Group&)> wrap;
  /// In place of the recipe's own.
  std::function<at::Tensor(Group&, const Embeddings&, const Batch&)> loss;
};

/// Loss and gradients of one rank alone, without mistakes, after another batch was seen.
LossAndGradient on_one_rank(const RankLaw& law);

/// What differs most.
struct Deviation {
  double loss = 0.0;      // relative
  double gradient = 0.0;  // of a parameter, relative to its largest gradient (at least 1e-3)
  std::string parameter;
};

/// This rank's view of how far the ranks of `group` are from one rank; `law` may differ from the
/// one that `expected` is from by its mistakes. A collective.
Deviation deviation_of(const RankLaw& law, Group& group, const LossAndGradient& expected);

/// The worst over ranks that are threads.
Deviation deviation_of_threads(const RankLaw& law, int ranks);

}  // namespace nearfar
