// Golden cases of update rules, moving averages and schedules.
#include <vector>

#include "framework/optimize/exclusion.h"
#include "framework/optimize/momentum.h"
#include "framework/optimize/optimizer.h"
#include "framework/optimize/schedule.h"
#include "tests/golden_runner/case.h"

namespace nearfar::golden {
namespace {

constexpr std::string_view kInitial = "init.";

at::Tensor finite() { return at::zeros({1}, at::kFloat); }

double number(const Case& item, const char* name) {
  return item.hyperparameters.at(name).as_double();
}

/// The parameters of a trace; 1-d ones are left out of decay and adaptation but with sgd.
std::vector<ParameterGroup> groups_of(const Case& item, const OptimizerConfig& config) {
  ParameterGroup matrices{.name = "matrices", .parameters = {}, .fixed_rate = {}};
  ParameterGroup plain{
      .name = "plain", .parameters = {}, .decay = false, .adapt = false, .fixed_rate = {}};
  for (const auto& [name, tensor] : item.tensors) {
    if (!name.starts_with(kInitial)) continue;
    (tensor.dim() < 2 ? plain : matrices)
        .parameters.emplace_back(name.substr(kInitial.size()), tensor.clone());
  }
  return with_exclusion({matrices, plain}, config);
}

/// Steps through a trace of gradients that are given whatever the parameters are.
Tensors trace_case(const Case& item, const OptimizerConfig& config) {
  FlatStorage storage(groups_of(item, config));
  const auto optimizer = make_optimizer(config, storage);
  const at::Tensor rates = item.tensors.at("lr").to(at::kDouble);
  std::map<std::string, std::vector<at::Tensor>> traces;
  for (int64_t step = 0; step < rates.size(0); ++step) {
    for (auto& [name, gradient] : storage.named_views(storage.gradients())) {
      gradient.copy_(item.tensors.at("grads." + name)[step]);
    }
    optimizer->step({rates[step].item<double>(), config.weight_decay, 0.0, finite(), {}});
    for (auto& [name, parameter] : storage.named_views(storage.parameters())) {
      traces["params." + name].push_back(parameter.clone());
    }
  }
  Tensors outputs;
  for (const auto& [name, trace] : traces) outputs[name] = at::stack(trace);
  return outputs;
}

Tensors sgd_case(const Case& item) {
  OptimizerConfig config;
  config.momentum = number(item, "momentum");
  config.dampening = number(item, "dampening");
  config.weight_decay = number(item, "weight_decay");
  config.nesterov = item.hyperparameters.at("nesterov").as_bool();
  return trace_case(item, config);
}

Tensors lars_case(const Case& item) {
  OptimizerConfig config;
  config.name = "lars";
  config.lars_convention = item.hyperparameters.at("convention").as_string();
  config.momentum = number(item, "momentum");
  config.weight_decay = number(item, "weight_decay");
  config.eta = number(item, "eta");
  if (item.hyperparameters.find("eps") != nullptr) config.eps = number(item, "eps");
  const Json* nesterov = item.hyperparameters.find("nesterov");
  config.nesterov = nesterov != nullptr && nesterov->as_bool();
  return trace_case(item, config);
}

Tensors adamw_case(const Case& item) {
  OptimizerConfig config;
  config.name = "adamw";
  config.beta1 = item.hyperparameters.at("betas").items().at(0).as_double();
  config.beta2 = item.hyperparameters.at("betas").items().at(1).as_double();
  config.eps = number(item, "eps");
  config.weight_decay = number(item, "weight_decay");
  return trace_case(item, config);
}

/// One parameter, as a network.
struct Network : torch::nn::Module {
  explicit Network(const at::Tensor& value) {
    parameter = register_parameter("parameter", value.clone());
  }
  at::Tensor parameter;
};

Tensors ema_case(const Case& item) {
  const at::Tensor& online_values = item.tensors.at("online");
  const at::Tensor momentum = item.tensors.at("momentum").to(at::kDouble);
  const int64_t steps = online_values.size(0);
  torch::nn::Module recipe;
  // The target starts at the online values, which are therefore target0 at first.
  const auto online =
      recipe.register_module("online", std::make_shared<Network>(item.tensors.at("target0")));
  const auto target =
      recipe.register_module("target", std::make_shared<Network>(item.tensors.at("target0")));
  FlatStorage storage(
      {{.name = "all", .parameters = {{"online.parameter", online->parameter}}, .fixed_rate = {}}});
  const auto at_progress = [&](double progress) {
    return momentum[std::lround(progress * static_cast<double>(steps))].item<double>();
  };
  const auto optimizer =
      make_optimizer({}, storage, FollowerSet({{online, target, at_progress}}, recipe, storage));
  std::vector<at::Tensor> trace;
  for (int64_t step = 0; step < steps; ++step) {
    storage.named_views(storage.parameters()).front().second.copy_(online_values[step]);
    const double progress = static_cast<double>(step) / static_cast<double>(steps);
    optimizer->step({0.0, 0.0, progress, finite(), {}});  // at rate 0: the online values stay
    trace.push_back(target->parameter.clone());
  }
  return {{"target", at::stack(trace)}};
}

/// Values at 0, 1, ..., as many as the case holds.
Tensors values_of(const Case& item, const std::function<double(double)>& value_at) {
  std::vector<double> values;
  for (int64_t i = 0; i < item.tensors.at("values").size(0); ++i) {
    values.push_back(value_at(static_cast<double>(i)));
  }
  return {{"values", at::tensor(values, at::TensorOptions(at::kDouble))}};
}

Tensors cosine_warmup_simclr_case(const Case& item) {
  RateCurve curve;
  curve.base =
      scaled_learning_rate(number(item, "learning_rate"), item.hyperparameters.at("batch").as_int(),
                           item.hyperparameters.at("scaling").as_string());
  curve.warmup = number(item, "warmup_steps");
  curve.total = number(item, "total_steps");
  return values_of(item, [&](double step) { return cosine_with_warmup(curve, step); });
}

Tensors cosine_warmup_lightly_case(const Case& item) {
  RateCurve curve;
  curve.base = number(item, "start_value");
  curve.final = number(item, "end_value");
  curve.warmup_start = number(item, "warmup_start_value");
  curve.warmup = number(item, "warmup_steps");
  curve.total = number(item, "max_steps");
  return values_of(item, [&](double step) { return cosine_lightly(curve, step); });
}

Tensors cosine_dino_case(const Case& item) {
  RateCurve curve;
  curve.base = number(item, "base");
  curve.final = number(item, "final");
  curve.warmup_start = number(item, "start_warmup");
  curve.warmup = number(item, "warmup_steps");
  curve.total = number(item, "total_steps");
  return values_of(item, [&](double step) { return cosine_dino(curve, step); });
}

/// SimCLR's schedule over fractional epochs.
Tensors cosine_mocov3_case(const Case& item) {
  RateCurve curve;
  curve.base = number(item, "base");
  curve.warmup = number(item, "warmup_epochs");
  curve.total = number(item, "epochs");
  const double steps_per_epoch = number(item, "steps_per_epoch");
  return values_of(item,
                   [&](double step) { return cosine_with_warmup(curve, step / steps_per_epoch); });
}

/// A follower's momentum at the progress of each of `steps` steps.
Tensors momentum_case(const Case& item, const MomentumConfig& config, double steps) {
  const auto momentum = momentum_schedule(config, static_cast<int64_t>(steps));
  return values_of(item, [&](double step) { return momentum(step / steps); });
}

Tensors momentum_mocov3_case(const Case& item) {
  return momentum_case(item, {number(item, "base"), 1.0, "cosine"},
                       number(item, "epochs") * number(item, "steps_per_epoch"));
}

Tensors momentum_byol_case(const Case& item) {
  return momentum_case(item, {number(item, "base"), number(item, "final"), "cosine"},
                       number(item, "max_steps"));
}

Tensors momentum_lightly_case(const Case& item) {
  return momentum_case(item, {number(item, "base"), number(item, "final"), "cosine_lightly"},
                       number(item, "max_steps"));
}

Tensors step_moco_case(const Case& item) {
  std::vector<double> milestones;
  for (const Json& milestone : item.hyperparameters.at("milestones").items()) {
    milestones.push_back(milestone.as_double());
  }
  return values_of(item, [&](double epoch) {
    return step_by_epoch(number(item, "learning_rate"), epoch, milestones);
  });
}

Tensors cosine_moco_case(const Case& item) {
  return values_of(item, [&](double epoch) {
    return cosine_by_epoch(number(item, "learning_rate"), epoch, number(item, "epochs"));
  });
}

}  // namespace

void add_optimizers(Operations& operations) {
  operations["sgd"] = sgd_case;
  operations["lars"] = lars_case;
  operations["adamw"] = adamw_case;
  operations["ema"] = ema_case;
  operations["cosine_warmup_simclr"] = cosine_warmup_simclr_case;
  operations["cosine_warmup_lightly"] = cosine_warmup_lightly_case;
  operations["cosine_dino"] = cosine_dino_case;
  operations["cosine_mocov3"] = cosine_mocov3_case;
  operations["momentum_mocov3"] = momentum_mocov3_case;
  operations["momentum_byol"] = momentum_byol_case;
  operations["momentum_lightly"] = momentum_lightly_case;
  operations["step_moco"] = step_moco_case;
  operations["cosine_moco"] = cosine_moco_case;
}

}  // namespace nearfar::golden
