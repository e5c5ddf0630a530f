// Networks that follow others: where both lie, and how far a step takes them.
#pragma once

#include <vector>

#include "framework/optimize/flat_storage.h"

namespace nearfar {

/// Moves targets after their online networks: target <- m target + (1 - m) online, by the
/// optimiser in its own pass. At construction the target's parameters move to a flat buffer of
/// their own, take the online values, and no longer require grad; afterwards they are moved in
/// place, never replaced.
class FollowerSet {
 public:
  /// No followers.
  FollowerSet() = default;
  /// Online networks are parts of `recipe`; `storage` holds their parameters, except those that do
  /// not require grad and therefore never change. Throws std::invalid_argument naming a parameter
  /// that only one of the two networks has, whose shapes differ, that the optimiser moves although
  /// it belongs to a target, or that requires grad and is not in `storage`.
  FollowerSet(std::vector<Follower> followers, torch::nn::Module& recipe, FlatStorage& storage);
  /// Parameters that lie side by side in both buffers.
  struct Run {
    FlatStorage::Range online;  // in the flat storage
    at::Tensor target;          // as long
  };
  /// The runs of each follower.
  const std::vector<std::vector<Run>>& runs() const { return runs_; }
  /// How far each target goes at `progress` (share of the run that is done): 1 - momentum.
  std::vector<double> weights(double progress) const;

 private:
  std::vector<Follower> followers_;
  std::vector<std::vector<Run>> runs_;
};

}  // namespace nearfar
