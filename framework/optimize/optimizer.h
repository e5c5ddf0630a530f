// One pass over flat storage: update the parameters, then move the followers.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "framework/optimize/flat_storage.h"
#include "framework/optimize/optimizer_config.h"

namespace nearfar {

/// What one step is made with, besides the gradients in flat storage.
struct Update {
  double learning_rate = 0.0;
  double weight_decay = 0.0;  // of the groups that decay
  double progress = 0.0;      // share of the run that is done, in [0, 1): for the followers
  at::Tensor not_finite;      // [1] float32 on the parameters' device: 0, or 1 where nothing moves
  at::Tensor gradient_norm;   // 0-d, of all gradients: needed where gradients are clipped by it
};

/// An update rule over flat storage. State is flat too and saved by parameter name.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  /// Moves the parameters, then the followers. The host waits for no device. A gated step leaves
  /// parameters, followers and state as they were.
  virtual void step(const Update& update) = 0;
  /// Everything a resumed run needs, by name ("momentum.<parameter>", "steps"): the live tensors,
  /// to be copied by who keeps them.
  virtual std::vector<std::pair<std::string, at::Tensor>> state() const = 0;
  /// Restores state(); throws CheckpointError naming a missing, misshapen or unknown tensor, and
  /// then leaves the state as it was.
  virtual void load_state(const std::vector<std::pair<std::string, at::Tensor>>& state) = 0;
};

/// Moves targets after their online networks: target <- m target + (1 - m) online, in a few passes
/// over flat ranges. At construction the target's parameters move to a flat buffer of their own,
/// take the online values, and no longer require grad; afterwards they are moved in place, never
/// replaced.
class FollowerSet {
 public:
  /// No followers.
  FollowerSet() = default;
  /// Online networks are parts of `recipe`; `storage` holds their parameters, except those that do
  /// not require grad and therefore never change. Throws std::invalid_argument naming a parameter
  /// that only one of the two networks has, whose shapes differ, that the optimiser moves although
  /// it belongs to a target, or that requires grad and is not in `storage`.
  FollowerSet(std::vector<Follower> followers, torch::nn::Module& recipe, FlatStorage& storage);
  /// One move, at the momentum of `progress`; both as in Update.
  void move(double progress, const at::Tensor& not_finite);

 private:
  /// Parameters that lie side by side in both buffers.
  struct Run {
    at::Tensor online;
    at::Tensor target;
  };
  std::vector<Follower> followers_;
  std::vector<std::vector<Run>> runs_;
};

/// torch.optim.SGD: d = g + wd p; v = d at first, then momentum v + (1 - dampening) d;
/// p -= rate (nesterov ? d + momentum v : v). `storage` must outlive the optimiser. Throws
/// ConfigError for an unknown name, and for Nesterov's momentum without momentum or with dampening.
std::unique_ptr<Optimizer> make_optimizer(const OptimizerConfig& config, FlatStorage& storage,
                                          FollowerSet followers = {});

}  // namespace nearfar
