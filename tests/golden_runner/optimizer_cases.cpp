// Golden cases of update rules, moving averages and schedules.
#include <vector>

#include "framework/optimize/optimizer.h"
#include "framework/optimize/schedule.h"
#include "tests/golden_runner/case.h"

namespace nearfar::golden {
namespace {

constexpr std::string_view kInitial = "init.";

at::Tensor finite() { return at::zeros({1}, at::kFloat); }

/// Steps through a trace of gradients that are given whatever the parameters are.
Tensors sgd_case(const Case& item) {
  OptimizerConfig config;
  config.momentum = item.hyperparameters.at("momentum").as_double();
  config.dampening = item.hyperparameters.at("dampening").as_double();
  config.weight_decay = item.hyperparameters.at("weight_decay").as_double();
  config.nesterov = item.hyperparameters.at("nesterov").as_bool();
  ParameterGroup group{.name = "all", .parameters = {}, .fixed_rate = {}};
  for (const auto& [name, tensor] : item.tensors) {
    if (!name.starts_with(kInitial)) continue;
    group.parameters.emplace_back(name.substr(kInitial.size()), tensor.clone());
  }
  FlatStorage storage({group});
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
  FollowerSet followers({{online, target, at_progress}}, recipe, storage);
  std::vector<at::Tensor> trace;
  for (int64_t step = 0; step < steps; ++step) {
    storage.named_views(storage.parameters()).front().second.copy_(online_values[step]);
    followers.move(static_cast<double>(step) / static_cast<double>(steps), finite());
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

double number(const Case& item, const char* name) {
  return item.hyperparameters.at(name).as_double();
}

Tensors cosine_warmup_simclr_case(const Case& item) {
  const double base =
      scaled_learning_rate(number(item, "learning_rate"), item.hyperparameters.at("batch").as_int(),
                           item.hyperparameters.at("scaling").as_string());
  return values_of(item, [&](double step) {
    return cosine_with_warmup(base, step, number(item, "warmup_steps"),
                              number(item, "total_steps"));
  });
}

/// The formula of SimCLR's schedule over fractional epochs.
Tensors cosine_mocov3_case(const Case& item) {
  return values_of(item, [&](double step) {
    return cosine_with_warmup(number(item, "base"), step / number(item, "steps_per_epoch"),
                              number(item, "warmup_epochs"), number(item, "epochs"));
  });
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
  operations["ema"] = ema_case;
  operations["cosine_warmup_simclr"] = cosine_warmup_simclr_case;
  operations["cosine_mocov3"] = cosine_mocov3_case;
  operations["step_moco"] = step_moco_case;
  operations["cosine_moco"] = cosine_moco_case;
}

}  // namespace nearfar::golden
