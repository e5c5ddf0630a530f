// Losses whose gradient is computed together with their value.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

namespace nearfar {

/// A loss, and its gradient at each of its inputs.
struct ValueAndGradients {
  at::Tensor value;                   // 0-d
  std::vector<at::Tensor> gradients;  // as many as inputs; empty where none was asked for
};

/// What a loss may be multiplied by after it was computed.
enum class Factor {
  /// Anything: each rank's gradient is its own loss's alone.
  any,
  /// Nothing. The gradient holds terms of other ranks' losses, and no rank can tell in backward
  /// what the others' losses are multiplied by: factors are given to the loss itself, which tells
  /// the other ranks in its forward. Another factor than 1 is refused, on one rank too, so that
  /// what works there works on many; on a GPU, where the host does not wait for it, the gradient
  /// becomes NaN, which no update lets through.
  given_before,
};

/// The value as a function of `inputs` (each floating point). `compute` is called once, at once,
/// without autograd, and told whether anybody will want the gradient. Can be differentiated once.
/// `name` is the loss's, for errors.
at::Tensor with_known_gradient(const char* name, Factor factor,
                               const std::vector<at::Tensor>& inputs,
                               const std::function<ValueAndGradients(bool gradients)>& compute);

}  // namespace nearfar
