// The state of an update rule, and its passes over flat storage.
#include "framework/optimize/optimizer.h"

#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/types.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "framework/error.h"
#include "framework/optimize/rule_of_config.h"
#include "framework/optimize/update_kernels.h"
#include "framework/optimize/update_tables.h"

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

/// The stream that LibTorch's work of this thread is ordered by; null on the CPU.
void* current_stream(at::Device device) {
  if (device.is_cpu()) return nullptr;
  return c10::impl::VirtualGuardImpl(device.type()).getStream(device).native_handle();
}

class FlatOptimizer final : public Optimizer {
 public:
  FlatOptimizer(const Rule& rule, FlatStorage& storage, FollowerSet followers,
                const DeviceUpdate& on_device)
      : rule_(rule),
        storage_(storage),
        followers_(std::move(followers)),
        on_device_(on_device),
        tables_(storage, followers_),
        steps_(at::zeros({1}, storage.parameters().options().dtype(at::kLong))) {
    if (rule.method == Method::adamw) {
      moments_ = {{"first_moment.", storage.zeros_like_parameters()},
                  {"second_moment.", storage.zeros_like_parameters()}};
    } else if (rule.momentum != 0.0) {
      moments_ = {{"momentum.", storage.zeros_like_parameters()}};
    }
  }

  void step(const Update& update) override {
    const at::NoGradGuard no_grad;
    if (storage_.parameters().scalar_type() == at::kDouble) {
      run<double>(update, on_device_.run_double);
    } else {
      run<float>(update, on_device_.run_float);
    }
    steps_.add_(update.not_finite.eq(0));
  }

  NamedTensors state() const override {
    NamedTensors state;
    for (const auto& [prefix, flat] : moments_) {
      const NamedTensors views = storage_.named_views(flat);
      auto view = views.begin();
      for (const ParameterGroup& group : storage_.groups()) {
        for (size_t i = 0; i < group.parameters.size(); ++i, ++view) {
          if (!group.frozen) state.emplace_back(prefix + view->first, view->second);
        }
      }
    }
    state.emplace_back("steps", steps_);
    return state;
  }

  void load_state(const NamedTensors& state) override { restore(this->state(), state); }

 private:
  template <typename T>
  using Runner = const char* (*)(const UpdatePass<T>*, void*);

  template <typename T>
  void run(const Update& update, Runner<T> on_device) const {
    UpdatePass<T> pass;
    pass.rule = rule_;
    pass.step.rate = update.learning_rate;
    pass.step.weight_decay = update.weight_decay;
    const std::vector<double> weights = followers_.weights(update.progress);
    std::copy(weights.begin(), weights.end(), pass.step.follow);
    tables_.enter(pass);
    pass.parameters = storage_.parameters().data_ptr<T>();
    pass.gradients = storage_.gradients().data_ptr<T>();
    if (!moments_.empty()) pass.first = moments_.front().second.template data_ptr<T>();
    if (moments_.size() > 1) pass.second = moments_.back().second.template data_ptr<T>();
    pass.not_finite = update.not_finite.data_ptr<float>();
    pass.steps = steps_.data_ptr<int64_t>();
    at::Tensor norm;  // read by the device in the order of the stream, as its memory is freed
    if (rule_.clip > 0.0 && !rule_.clip_each) {
      TORCH_CHECK(update.gradient_norm.defined(),
                  "Optimizer::step: expected the gradients' norm to clip by, got none");
      norm = update.gradient_norm.to(at::kDouble);
      pass.all_norm = norm.data_ptr<double>();
    }
    launch(pass, on_device);
  }

  template <typename T>
  void launch(const UpdatePass<T>& pass, Runner<T> on_device) const {
    const at::Device device = storage_.device();
    if (on_device == nullptr) return run_on_cpu(pass);
    const c10::OptionalDeviceGuard guard(device.is_cpu() ? c10::optional<at::Device>()
                                                         : c10::optional<at::Device>(device));
    const char* error = on_device(&pass, current_stream(device));
    if (error != nullptr) throw EnvironmentError(std::string("device=cuda: ") + error);
  }

  Rule rule_;
  FlatStorage& storage_;
  FollowerSet followers_;
  DeviceUpdate on_device_;
  UpdateTables tables_;
  NamedTensors moments_;  // flat, by the prefix of their names
  at::Tensor steps_;      // [1] int64: updates that were not gated
};

}  // namespace

std::unique_ptr<Optimizer> make_optimizer(const OptimizerConfig& config, FlatStorage& storage,
                                          FollowerSet followers, const DeviceUpdate& on_device) {
  const at::ScalarType type = storage.parameters().scalar_type();
  TORCH_CHECK(type == at::kFloat || type == at::kDouble,
              "make_optimizer: expected float32 or float64 parameters, got ", type);
  TORCH_CHECK(storage.device().is_cpu() || on_device.run_float != nullptr,
              "make_optimizer: expected the update of ", storage.device(), ", got none");
  return std::make_unique<FlatOptimizer>(rule_of(config), storage, std::move(followers), on_device);
}

}  // namespace nearfar
