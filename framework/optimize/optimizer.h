// One pass over flat storage: update the parameters, and move what follows them.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "framework/optimize/flat_storage.h"
#include "framework/optimize/followers.h"
#include "framework/optimize/optimizer_config.h"
#include "framework/optimize/update_pass.h"

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
  /// Moves the parameters and the followers in one pass. The host waits for no device. A gated step
  /// leaves parameters, followers and state as they were.
  virtual void step(const Update& update) = 0;
  /// Everything a resumed run needs, by name ("momentum.<parameter>", "first_moment.<parameter>",
  /// "second_moment.<parameter>", "steps"): the live tensors, to be copied by who keeps them.
  virtual std::vector<std::pair<std::string, at::Tensor>> state() const = 0;
  /// Restores state(); throws CheckpointError naming a missing, misshapen or unknown tensor, and
  /// then leaves the state as it was.
  virtual void load_state(const std::vector<std::pair<std::string, at::Tensor>>& state) = 0;
};

/// Runs a pass on a device, in the order of a stream; null, or the device's words for why nothing
/// was launched. Those of libnearfar_cuda.so are in update_cuda.h.
struct DeviceUpdate {
  const char* (*run_float)(const UpdatePass<float>* pass, void* stream) = nullptr;
  const char* (*run_double)(const UpdatePass<double>* pass, void* stream) = nullptr;
};

/// The update rule of a config over float32 or float64 parameters, with the arithmetic of
/// update_rule.h:
///
/// * sgd: torch.optim.SGD, d = g + wd p; v = d at first, then momentum v + (1 - dampening) d;
///   p -= rate (nesterov ? d + momentum v : v);
/// * lars (You et al. 2017) as google-research/simclr, facebookresearch/moco-v3, lightly or
///   solo-learn have it: update_rule.h, Adaptation;
/// * adamw: torch.optim.AdamW.
///
/// On the CPU the result does not depend on the number of threads. `storage` must outlive the
/// optimiser. `on_device` is needed where the parameters lie on a GPU. Throws ConfigError for
/// settings that mean nothing together.
std::unique_ptr<Optimizer> make_optimizer(const OptimizerConfig& config, FlatStorage& storage,
                                          FollowerSet followers = {},
                                          const DeviceUpdate& on_device = {});

}  // namespace nearfar
