// Networks that follow others, paired in runs of neighbouring parameters.
#include "framework/optimize/followers.h"

#include <torch/types.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>

#include "framework/optimize/update_rule.h"

namespace nearfar {
namespace {

using Range = FlatStorage::Range;
using Ranges = std::unordered_map<const c10::TensorImpl*, Range>;

/// A parameter of the target with the place of the online one that it follows.
struct Pair {
  at::Tensor target;
  Range online;
};

[[noreturn]] void refuse(const std::string& name, const std::string& what) {
  throw std::invalid_argument("FollowerSet: parameter \"" + name + "\": " + what);
}

Ranges ranges_by_parameter(const FlatStorage& storage) {
  Ranges ranges;
  for (const ParameterGroup& group : storage.groups()) {
    for (const auto& [name, parameter] : group.parameters) {
      ranges[parameter.unsafeGetTensorImpl()] = storage.range_of(name);
    }
  }
  return ranges;
}

/// One parameter takes the online value and stops requiring grad.
void start_at(const std::string& name, at::Tensor target, const at::Tensor& online) {
  if (target.sizes() != online.sizes()) {
    std::ostringstream shapes;
    shapes << "expected shape " << online.sizes() << " as in the online network, got "
           << target.sizes();
    refuse(name, shapes.str());
  }
  target.requires_grad_(false);
  target.copy_(online);
}

/// Starts the target; returns what the optimiser will drive apart, in the order of the flat
/// storage.
std::vector<Pair> pair_up(const Follower& follower, torch::nn::Module& recipe,
                          const Ranges& ranges) {
  const auto online = follower.online->named_parameters();
  const auto target = follower.target->named_parameters();
  std::unordered_set<const c10::TensorImpl*> saved;
  for (const at::Tensor& parameter : recipe.parameters()) {
    saved.insert(parameter.unsafeGetTensorImpl());
  }
  for (const auto& item : online) {
    if (!target.contains(item.key())) refuse(item.key(), "expected in the target, found none");
  }
  std::vector<Pair> pairs;
  for (const auto& item : target) {
    const at::Tensor* leader = online.find(item.key());
    if (leader == nullptr) refuse(item.key(), "expected in the online network, found none");
    const c10::TensorImpl* follows = item.value().unsafeGetTensorImpl();
    if (!saved.contains(follows)) {
      refuse(item.key(), "expected the target to be a module of the recipe, and so saved with it");
    }
    if (ranges.contains(follows)) refuse(item.key(), "expected the target in no parameter group");
    start_at(item.key(), item.value(), *leader);
    const auto moving = ranges.find(leader->unsafeGetTensorImpl());
    if (moving != ranges.end()) {
      pairs.push_back({item.value(), moving->second});
    } else if (leader->requires_grad()) {
      refuse(item.key(), "expected the online parameter in a parameter group");
    }
  }
  std::sort(pairs.begin(), pairs.end(),
            [](const Pair& a, const Pair& b) { return a.online.begin < b.online.begin; });
  return pairs;
}

/// A run of pairs whose online parameters have nothing but alignment between them.
struct Stretch {
  std::vector<Pair> pairs;
  Range online() const { return {pairs.front().online.begin, pairs.back().online.end}; }
};

std::vector<Stretch> stretches_of(std::vector<Pair> pairs, const at::Tensor& flat) {
  std::vector<Stretch> stretches;
  for (Pair& pair : pairs) {
    if (stretches.empty() || aligned(stretches.back().online().end, flat) != pair.online.begin) {
      stretches.emplace_back();
    }
    stretches.back().pairs.push_back(std::move(pair));
  }
  return stretches;
}

}  // namespace

FollowerSet::FollowerSet(std::vector<Follower> followers, torch::nn::Module& recipe,
                         FlatStorage& storage)
    : followers_(std::move(followers)) {
  if (followers_.size() > kMostFollowers) {
    throw std::invalid_argument("FollowerSet: expected at most " + std::to_string(kMostFollowers) +
                                " followers, got " + std::to_string(followers_.size()));
  }
  const at::NoGradGuard no_grad;
  const Ranges ranges = ranges_by_parameter(storage);
  for (const Follower& follower : followers_) {
    std::vector<Run>& runs = runs_.emplace_back();
    for (Stretch& stretch : stretches_of(pair_up(follower, recipe, ranges), storage.parameters())) {
      const auto [begin, end] = stretch.online();
      Run run{{begin, end}, at::zeros_like(storage.parameters().narrow(0, begin, end - begin))};
      for (Pair& pair : stretch.pairs) {
        const at::Tensor place = view_like(pair.target, run.target, pair.online.begin - begin);
        place.copy_(pair.target);
        pair.target.set_data(place);
      }
      runs.push_back(std::move(run));
    }
  }
}

std::vector<double> FollowerSet::weights(double progress) const {
  std::vector<double> weights;
  for (const Follower& follower : followers_) weights.push_back(1.0 - follower.momentum(progress));
  return weights;
}

}  // namespace nearfar
