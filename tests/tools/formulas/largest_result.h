// How large the largest tensor is that an operation makes.
#pragma once

#include <ATen/core/ivalue.h>
#include <ATen/record_function.h>
#include <torch/types.h>

#include <algorithm>
#include <mutex>
#include <string>

namespace nearfar {

/// While it lives, the memory of every operation's results in this process is looked at. A view
/// counts as the memory behind it. One at a time.
class LargestResult {
 public:
  LargestResult() {
    watching = this;
    handle_ =
        at::addGlobalCallback(at::RecordFunctionCallback(&LargestResult::begin, &LargestResult::end)
                                  .needsOutputs(true)
                                  .scopes({at::RecordScope::FUNCTION}));
  }
  ~LargestResult() {
    at::removeCallback(handle_);
    watching = nullptr;
  }
  LargestResult(const LargestResult&) = delete;
  LargestResult& operator=(const LargestResult&) = delete;

  int64_t elements() const { return elements_; }
  const std::string& operation() const { return operation_; }

 private:
  static std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction&) { return nullptr; }

  static void end(const at::RecordFunction& function, at::ObserverContext*) {
    const at::DisableRecordFunctionGuard unwatched;
    const std::lock_guard<std::mutex> lock(watching->mutex_);
    for (const c10::IValue& value : function.outputs()) {
      if (value.isTensor()) watching->look_at(function.name(), value.toTensor());
      if (!value.isTensorList()) continue;
      for (const at::Tensor& tensor : value.toTensorVector()) {
        watching->look_at(function.name(), tensor);
      }
    }
  }

  void look_at(const char* operation, const at::Tensor& tensor) {
    if (!tensor.defined() || !tensor.has_storage()) return;
    const auto elements = static_cast<int64_t>(tensor.storage().nbytes() / tensor.itemsize());
    if (elements <= elements_) return;
    elements_ = elements;
    operation_ = operation;
  }

  inline static LargestResult* watching = nullptr;
  at::CallbackHandle handle_ = 0;
  std::mutex mutex_;  // operations may run in several threads
  int64_t elements_ = 0;
  std::string operation_;
};

}  // namespace nearfar
