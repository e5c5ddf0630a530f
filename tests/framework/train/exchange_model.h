// A small float64 model whose gradients ranks exchange, and an exchange that is wrong.
#pragma once

#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>
#include <torch/types.h>

#include <memory>
#include <string>
#include <vector>

#include "framework/train/gradient_exchange.h"

namespace nearfar {

/// Parameters "p0", "p1", ... of `width` values each, equal on every rank.
struct ExchangeModel {
  explicit ExchangeModel(size_t count, int64_t width = 8, const std::vector<size_t>& frozen = {})
      : storage(groups(count, width, frozen)) {
    for (size_t i = 0; i < count; ++i) names.push_back("p" + std::to_string(i));
    for (const ParameterGroup& group : storage.groups()) {
      for (const auto& [name, parameter] : group.parameters) parameters.push_back(parameter);
    }
  }

  static std::vector<ParameterGroup> groups(size_t count, int64_t width,
                                            const std::vector<size_t>& frozen) {
    std::vector<ParameterGroup> list;
    for (size_t i = 0; i < count; ++i) {
      ParameterGroup group{.name = "g", .parameters = {}, .fixed_rate = {}};
      group.frozen = std::find(frozen.begin(), frozen.end(), i) != frozen.end();
      group.parameters.emplace_back(
          "p" + std::to_string(i),
          at::linspace(0.1, 1.0 + static_cast<double>(i), width, at::kDouble).requires_grad_());
      list.push_back(std::move(group));
    }
    return list;
  }

  /// The sum over `order` of sin(p_i x), made in that order: backward reaches the last one first.
  at::Tensor loss(const std::vector<size_t>& order, double x) const {
    at::Tensor sum = at::zeros({}, at::kDouble);
    for (const size_t i : order) sum = sum + (parameters[i] * x).sin().sum();
    return sum;
  }
  /// The gradient of loss() at p_i.
  at::Tensor gradient(size_t i, double x) const { return (parameters[i].detach() * x).cos() * x; }

  FlatStorage storage;
  std::vector<std::string> names;
  std::vector<at::Tensor> parameters;
};

/// A bucket for each parameter.
inline ExchangeOptions one_by_one() {
  ExchangeOptions options;
  options.buckets = {1, 1};
  return options;
}

/// What GradientExchange must not be: a parameter's gradient leaves as soon as it is there.
class ReadinessOrderedExchange {
 public:
  ReadinessOrderedExchange(FlatStorage& storage, Group& group, const std::vector<std::string>&,
                           const ExchangeOptions&)
      : storage_(storage), group_(group), channel_(group.new_channel()) {
    for (const ParameterGroup& each : storage.groups()) {
      for (const auto& [name, parameter] : each.parameters) {
        torch::autograd::impl::set_post_acc_grad_hooks(parameter,
                                                       std::make_unique<Launch>(*this, name));
      }
    }
  }
  void begin() {}
  void last_backward_begins(const std::vector<at::Tensor>&) {}
  void finish() {
    for (const auto& pending : pending_) pending->wait();
    storage_.gradients().div_(group_.size());
  }

 private:
  struct Launch final : torch::autograd::PostAccumulateGradHook {
    Launch(ReadinessOrderedExchange& exchange, std::string name)
        : exchange(exchange), name(std::move(name)) {}
    void operator()(const at::Tensor&) override {
      const FlatStorage::Range range = exchange.storage_.range_of(name);
      exchange.pending_.push_back(exchange.channel_->start_all_sum(
          exchange.storage_.gradients().narrow(0, range.begin, range.end - range.begin)));
    }
    ReadinessOrderedExchange& exchange;
    std::string name;
  };

  FlatStorage& storage_;
  Group& group_;
  std::unique_ptr<Group> channel_;
  std::vector<std::unique_ptr<Pending>> pending_;
};

}  // namespace nearfar
