// Buckets of gradients on their way, from the hooks that autograd calls to the averages.
#include "framework/train/gradient_exchange.h"

#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>
#include <torch/types.h>

#include <stdexcept>
#include <unordered_set>

namespace nearfar {
namespace {

using torch::autograd::Node;
namespace autograd = torch::autograd::impl;

/// Everything that a backward from `roots` passes through.
std::unordered_set<const Node*> reachable(const std::vector<at::Tensor>& roots) {
  std::unordered_set<const Node*> seen;
  std::vector<const Node*> left;
  const auto visit = [&](const Node* node) {
    if (node != nullptr && seen.insert(node).second) left.push_back(node);
  };
  for (const at::Tensor& root : roots) visit(autograd::gradient_edge(root).function.get());
  while (!left.empty()) {
    const Node* node = left.back();
    left.pop_back();
    for (const torch::autograd::Edge& edge : node->next_edges()) visit(edge.function.get());
  }
  return seen;
}

}  // namespace

/// Autograd's word that a parameter's gradient has been added to.
struct GradientExchange::Arrival final : torch::autograd::PostAccumulateGradHook {
  Arrival(GradientExchange& exchange, size_t parameter)
      : exchange_(exchange), parameter_(parameter) {}
  void operator()(const at::Tensor&) override { exchange_.arrived(parameter_); }

 private:
  GradientExchange& exchange_;
  size_t parameter_;
};

GradientExchange::GradientExchange(FlatStorage& storage, Group& group,
                                   const std::vector<std::string>& registered,
                                   const ExchangeOptions& options)
    : storage_(storage),
      group_(group),
      buckets_(cut_buckets(storage, registered, options.buckets)),
      awaited_in_bucket_(buckets_.size()) {
  for (const ParameterGroup& each : storage.groups()) {
    for (const auto& [name, parameter] : each.parameters) {
      names_.push_back(name);
      parameters_.push_back({parameter});
    }
  }
  for (size_t b = 0; b < buckets_.size(); ++b) {
    for (size_t p = buckets_[b].first; p < buckets_[b].end; ++p) {
      parameters_[p].frozen = false;
      parameters_[p].bucket = b;
    }
  }
  if (group.size() > 1) {
    channel_ = group.new_channel();
    if (options.bfloat16) wire_ = at::empty_like(storage.gradients(), at::kBFloat16);
  }
  watch_parameters();
}

void GradientExchange::watch_parameters() {
  // First look, then touch: a refusal leaves no hook behind.
  for (size_t p = 0; p < parameters_.size(); ++p) {
    if (parameters_[p].frozen || !autograd::post_acc_grad_hooks(parameters_[p].tensor)) continue;
    throw std::invalid_argument("GradientExchange: parameter \"" + names_[p] +
                                "\": expected no hook on its gradient, found one");
  }
  for (size_t p = 0; p < parameters_.size(); ++p) {
    if (parameters_[p].frozen) continue;
    autograd::set_post_acc_grad_hooks(parameters_[p].tensor, std::make_unique<Arrival>(*this, p));
  }
}

GradientExchange::~GradientExchange() {
  for (const Parameter& parameter : parameters_) {
    if (!parameter.frozen) autograd::set_post_acc_grad_hooks(parameter.tensor, nullptr);
  }
}

void GradientExchange::begin() {
  for (Parameter& parameter : parameters_) parameter.touched = parameter.awaited = false;
  pending_.clear();
  in_step_ = true;
  in_last_backward_ = false;
}

void GradientExchange::last_backward_begins(const std::vector<at::Tensor>& roots) {
  in_last_backward_ = true;
  if (group_.size() == 1) return;
  const std::unordered_set<const Node*> nodes = reachable(roots);
  std::fill(awaited_in_bucket_.begin(), awaited_in_bucket_.end(), 0);
  for (Parameter& parameter : parameters_) {
    if (parameter.frozen || !parameter.tensor.requires_grad()) continue;
    // No graph holds on to the accumulator of a parameter without one.
    const auto accumulator = autograd::try_get_grad_accumulator(parameter.tensor);
    parameter.awaited = accumulator != nullptr && nodes.contains(accumulator.get());
    if (parameter.awaited) ++awaited_in_bucket_[parameter.bucket];
  }
  launch_ready();
}

void GradientExchange::arrived(size_t index) {
  if (!in_step_) return;
  Parameter& parameter = parameters_[index];
  parameter.touched = true;
  if (!in_last_backward_ || group_.size() == 1) return;
  if (parameter.bucket < pending_.size()) {
    throw std::logic_error("GradientExchange: parameter \"" + names_[index] +
                           "\": expected one gradient in the last backward of a step, got another "
                           "after it was sent");
  }
  if (!parameter.awaited) return;
  parameter.awaited = false;
  if (--awaited_in_bucket_[parameter.bucket] == 0) launch_ready();
}

void GradientExchange::launch_ready() {
  while (pending_.size() < buckets_.size() && awaited_in_bucket_[pending_.size()] == 0) {
    launch(buckets_[pending_.size()]);
  }
}

at::Tensor GradientExchange::slice(const at::Tensor& flat, const Bucket& bucket) const {
  return flat.narrow(0, bucket.range.begin, bucket.range.end - bucket.range.begin);
}

void GradientExchange::launch(const Bucket& bucket) {
  const at::NoGradGuard no_grad;
  at::Tensor travels = slice(storage_.gradients(), bucket);
  if (wire_.defined()) travels = slice(wire_, bucket).copy_(travels);
  pending_.push_back(channel_->start_all_sum(travels));
}

void GradientExchange::launch_rest() {
  if (group_.size() == 1) return;
  while (pending_.size() < buckets_.size()) launch(buckets_[pending_.size()]);
}

void GradientExchange::finish() {
  const at::NoGradGuard no_grad;
  launch_rest();
  for (size_t b = 0; b < pending_.size(); ++b) {
    pending_[b]->wait();
    at::Tensor gradients = slice(storage_.gradients(), buckets_[b]);
    if (wire_.defined()) gradients.copy_(slice(wire_, buckets_[b]));
    gradients.div_(group_.size());
  }
  // Nobody averaged them, and the norm of all gradients is the same on every rank.
  for (size_t g = 0; g < storage_.groups().size(); ++g) {
    const FlatStorage::Range range = storage_.range(g);
    if (!storage_.groups()[g].frozen) continue;
    storage_.gradients().narrow(0, range.begin, range.end - range.begin).zero_();
  }
  pending_.clear();
  in_step_ = false;
}

std::vector<bool> GradientExchange::unused() const {
  std::vector<bool> unused;
  for (const Parameter& parameter : parameters_) {
    unused.push_back(!parameter.frozen && !parameter.touched && parameter.tensor.requires_grad());
  }
  return unused;
}

}  // namespace nearfar
