// Callbacks around every operation.
#include "framework/train/operation_watch.h"

#include <ATen/core/ivalue.h>
#include <ATen/record_function.h>
#include <torch/types.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <string_view>

namespace nearfar {
namespace {

/// Results of these are memory that nobody has written yet.
bool gives_unwritten_memory(std::string_view name) {
  return name.starts_with("aten::empty") || name.starts_with("aten::new_empty") ||
         name.starts_with("aten::resize") || name.starts_with("aten::_resize");
}

/// These give the infinities that they are told to, or that were there before.
bool writes_given_values(std::string_view name) {
  constexpr std::array<std::string_view, 9> kNames = {
      "aten::fill",  "aten::full",     "aten::masked_fill", "aten::where",  "aten::scalar_tensor",
      "aten::copy_", "aten::_to_copy", "aten::to",          "aten::scatter"};
  return std::any_of(kNames.begin(), kNames.end(),
                     [name](std::string_view given) { return name.starts_with(given); });
}

/// Whether a result is another look at an argument's memory, which was judged when it was written.
bool is_view(const at::RecordFunction& function) {
  const auto schema = function.operator_schema();
  if (!schema || schema->returns().empty()) return false;
  const c10::AliasInfo* alias = schema->returns().front().alias_info();
  return alias != nullptr && !alias->isWrite();
}

std::vector<at::Tensor> floating_tensors(const auto& values) {
  std::vector<at::Tensor> tensors;
  const auto take = [&tensors](const at::Tensor& tensor) {
    const bool has_values = tensor.defined() && tensor.is_floating_point() && tensor.numel() > 0 &&
                            tensor.layout() == at::kStrided;
    if (has_values) tensors.push_back(tensor);
  };
  for (const c10::IValue& value : values) {
    if (value.isTensor()) take(value.toTensor());
    if (!value.isTensorList()) continue;
    for (const at::Tensor& tensor : value.toTensorVector()) take(tensor);
  }
  return tensors;
}

std::vector<int64_t> rows_of(const at::Tensor& bad, int64_t rows) {
  if (bad.dim() == 0 || bad.size(0) != rows) return {};
  const at::Tensor found = bad.reshape({rows, -1}).any(1).nonzero().cpu();
  return {found.data_ptr<int64_t>(), found.data_ptr<int64_t>() + found.numel()};
}

}  // namespace

struct OperationWatch::State {
  std::map<const void*, std::string> names;  // of parameters and buffers, by their memory
  int64_t rows = 0;
  std::mutex mutex;  // operations may run in several threads
  std::string last_parameter, backward_node;
  std::optional<FirstNonFinite> nan, infinity;
  at::CallbackHandle handle = 0;

  static State* watching;

  static std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& function) {
    const at::DisableRecordFunctionGuard unwatched;
    const std::lock_guard<std::mutex> lock(watching->mutex);
    if (function.scope() == at::RecordScope::BACKWARD_FUNCTION) {
      watching->backward_node = function.name();
      return nullptr;
    }
    for (const at::Tensor& tensor : floating_tensors(function.inputs())) {
      const auto found = watching->names.find(tensor.const_data_ptr());
      if (found != watching->names.end()) watching->last_parameter = found->second;
    }
    return nullptr;
  }

  static void end(const at::RecordFunction& function, at::ObserverContext*) {
    const at::DisableRecordFunctionGuard unwatched;
    const at::NoGradGuard no_grad;
    const std::lock_guard<std::mutex> lock(watching->mutex);
    if (function.scope() == at::RecordScope::BACKWARD_FUNCTION) {
      watching->backward_node.clear();
    } else if (!watching->nan && !gives_unwritten_memory(function.name()) && !is_view(function)) {
      for (const at::Tensor& result : floating_tensors(function.outputs())) {
        watching->judge(function.name(), result);
      }
    }
  }

  void judge(std::string_view operation, const at::Tensor& result) {
    if (nan || at::isfinite(result).all().item<bool>()) return;
    const at::Tensor bad = at::isnan(result);
    const bool is_nan = bad.any().item<bool>();
    if (!is_nan && (infinity || writes_given_values(operation))) return;
    const at::Tensor which = is_nan ? bad : at::isinf(result);
    FirstNonFinite found{std::string(operation),      last_parameter,      backward_node, is_nan,
                         which.sum().item<int64_t>(), rows_of(which, rows)};
    (is_nan ? nan : infinity) = std::move(found);
  }
};

OperationWatch::State* OperationWatch::State::watching = nullptr;

OperationWatch::OperationWatch(const NamedTensors& state, int64_t rows)
    : state_(std::make_unique<State>()) {
  TORCH_CHECK(State::watching == nullptr, "OperationWatch: one is watching already");
  for (const auto& [name, tensor] : state) state_->names.emplace(tensor.const_data_ptr(), name);
  state_->rows = rows;
  State::watching = state_.get();
  state_->handle = at::addGlobalCallback(
      at::RecordFunctionCallback(&State::begin, &State::end)
          .needsInputs(true)
          .needsOutputs(true)
          .scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION}));
}

OperationWatch::~OperationWatch() {
  at::removeCallback(state_->handle);
  State::watching = nullptr;
}

std::optional<FirstNonFinite> OperationWatch::first_nan() const { return state_->nan; }

std::optional<FirstNonFinite> OperationWatch::first_infinity() const { return state_->infinity; }

}  // namespace nearfar
