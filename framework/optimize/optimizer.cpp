// Stochastic gradient descent over flat storage.
#include "framework/optimize/optimizer.h"

#include <torch/types.h>

#include <map>
#include <sstream>

#include "framework/error.h"

namespace nearfar {
namespace {

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

/// Copies `saved` into the tensors of the same names, all or none.
void restore(const NamedTensors& live, const NamedTensors& saved) {
  std::map<std::string, at::Tensor> rest(saved.begin(), saved.end());
  NamedTensors sources;
  for (const auto& [name, tensor] : live) {
    const auto found = rest.find(name);
    if (found == rest.end()) throw CheckpointError("optimizer state \"" + name + "\" is missing");
    const at::Tensor& source = found->second;
    if (source.sizes() != tensor.sizes() || source.scalar_type() != tensor.scalar_type()) {
      std::ostringstream message;
      message << "optimizer state \"" << name << "\": expected " << tensor.scalar_type() << " "
              << tensor.sizes() << ", found " << source.scalar_type() << " " << source.sizes();
      throw CheckpointError(message.str());
    }
    sources.emplace_back(name, source);
    rest.erase(found);
  }
  if (!rest.empty()) {
    throw CheckpointError("optimizer state \"" + rest.begin()->first +
                          "\" belongs to no parameter of this run");
  }
  const at::NoGradGuard no_grad;
  for (size_t i = 0; i < live.size(); ++i) live[i].second.copy_(sources[i].second);
}

class Sgd final : public Optimizer {
 public:
  Sgd(const OptimizerConfig& config, FlatStorage& storage, FollowerSet followers)
      : config_(config),
        storage_(storage),
        followers_(std::move(followers)),
        steps_(at::zeros({1}, storage.parameters().options().dtype(at::kLong))) {
    if (config.momentum != 0.0) momentum_ = storage.zeros_like_parameters();
  }

  void step(const Update& step) override {
    const at::NoGradGuard no_grad;
    // Once started the host need not know whether a step was gated, and waits for the device no
    // more.
    const bool first_step = !started_ && steps_.item<int64_t>() == 0;
    started_ = !first_step;
    for (size_t i = 0; i < storage_.groups().size(); ++i) {
      const ParameterGroup& group = storage_.groups()[i];
      const FlatStorage::Range range = storage_.range(i);
      if (group.frozen || range.begin == range.end) continue;
      update(range, group.fixed_rate.value_or(step.learning_rate * group.rate_scale),
             group.decay ? step.weight_decay : 0.0, first_step, step.not_finite);
    }
    steps_.add_(step.not_finite.eq(0));
    followers_.move(step.progress, step.not_finite);
  }

  NamedTensors state() const override {
    NamedTensors state;
    if (momentum_.defined()) {
      std::map<std::string, at::Tensor> views;
      for (auto& [name, view] : storage_.named_views(momentum_)) views[name] = view;
      for (const ParameterGroup& group : storage_.groups()) {
        if (group.frozen) continue;
        for (const auto& [name, parameter] : group.parameters) {
          state.emplace_back("momentum." + name, views.at(name));
        }
      }
    }
    state.emplace_back("steps", steps_);
    return state;
  }

  void load_state(const NamedTensors& state) override {
    restore(this->state(), state);
    started_ = false;
  }

 private:
  void update(FlatStorage::Range range, double rate, double weight_decay, bool first_step,
              const at::Tensor& not_finite) {
    const auto part = [range](const at::Tensor& flat) {
      return flat.narrow(0, range.begin, range.end - range.begin);
    };
    std::vector<at::Tensor> momentum;
    if (momentum_.defined()) momentum.push_back(part(momentum_));
    at::_fused_sgd_({part(storage_.parameters())}, {part(storage_.gradients())}, momentum,
                    weight_decay, config_.momentum, rate, config_.dampening, config_.nesterov,
                    /*maximize=*/false, first_step, /*grad_scale=*/{}, /*found_inf=*/not_finite);
  }

  OptimizerConfig config_;
  FlatStorage& storage_;
  FollowerSet followers_;
  at::Tensor momentum_;  // undefined without momentum
  at::Tensor steps_;     // [1] int64: updates that were not gated
  bool started_ = false;
};

}  // namespace

std::unique_ptr<Optimizer> make_optimizer(const OptimizerConfig& config, FlatStorage& storage,
                                          FollowerSet followers) {
  if (config.name != "sgd") {
    throw ConfigError("optimizer.name: expected sgd, got \"" + config.name + "\"");
  }
  if (config.nesterov && (config.momentum == 0.0 || config.dampening != 0.0)) {
    std::ostringstream message;
    message << "optimizer.nesterov: expected momentum above 0 and dampening 0, got momentum "
            << config.momentum << " and dampening " << config.dampening;
    throw ConfigError(message.str());
  }
  return std::make_unique<Sgd>(config, storage, std::move(followers));
}

}  // namespace nearfar
