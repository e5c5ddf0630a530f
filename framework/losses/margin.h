// The loss of an anchor by its margin: how far its negatives outweigh its positive.
#pragma once

#include <torch/types.h>

namespace nearfar {

/// ln(1 + e^margin), the cross entropy of the positive; margin = log-sum-exp of the negatives -
/// positive. Above 40, the loss - margin is below the last bit of a double.
inline at::Tensor loss_of_margin(const at::Tensor& margin) {
  return at::softplus(margin, /*beta=*/1, /*threshold=*/40);
}

}  // namespace nearfar
