// Watches LibTorch's operations for the first result that is not finite.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "framework/checkpoint/tensors.h"

namespace nearfar {

/// An operation whose result is not finite.
struct FirstNonFinite {
  std::string operation;      // "aten::log"
  std::string parameter;      // of the last operation on named state before or at it; empty: none
  std::string backward_node;  // inside this node of the backward pass; empty: forward
  bool is_nan = false;        // else infinite
  int64_t values = 0;         // of its result that are not finite
  std::vector<int64_t> rows;  // of its result, where that has one row a sample
};

/// While it lives, every result of an operation in this process is looked at. One at a time; slow:
/// for a single step. Results that are infinite on purpose (masks, fills) do not count, and memory
/// that is not filled yet does not either.
class OperationWatch {
 public:
  /// `state` names parameters and buffers; `rows` is the number of samples.
  OperationWatch(const NamedTensors& state, int64_t rows);
  ~OperationWatch();
  OperationWatch(const OperationWatch&) = delete;
  OperationWatch& operator=(const OperationWatch&) = delete;

  /// The first result with a NaN.
  std::optional<FirstNonFinite> first_nan() const;
  /// The first infinite result, if it came before any NaN.
  std::optional<FirstNonFinite> first_infinity() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace nearfar
