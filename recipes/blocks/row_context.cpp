// Convolutions over places as linear maps of neighbours.
#include "recipes/blocks/row_context.h"

#include <torch/types.h>

#include <string>

namespace nearfar {
namespace {

// Shapes: [N, rows, columns, channels].

/// What the place one row above has; zeros in the first row.
at::Tensor above(const at::Tensor& grid) {
  return at::constant_pad_nd(grid.narrow(1, 0, grid.size(1) - 1), {0, 0, 0, 0, 1, 0});
}

/// What the left neighbours have, the places themselves, and the right neighbours.
at::Tensor with_neighbors(const at::Tensor& grid) {
  const int64_t columns = grid.size(2);
  const at::Tensor wide = at::constant_pad_nd(grid, {0, 0, 1, 1});
  return at::cat({wide.narrow(2, 0, columns), grid, wide.narrow(2, 2, columns)}, 3);
}

}  // namespace

RowContext::RowContext(int64_t features, const RowContextConfig& config) {
  const int64_t width = config.width;
  for (int64_t i = 1; i <= config.layers; ++i) {
    const auto add = [&](const std::string& name, int64_t in, int64_t out) {
      return register_module(name + std::to_string(i), std::make_shared<Linear>(in, out));
    };
    layers_.push_back({add("enter", features, width), add("across", 3 * width, width),
                       add("down", 2 * width, width), add("leave", width, features)});
  }
}

at::Tensor RowContext::forward(const at::Tensor& features) const {
  TORCH_CHECK(features.dim() == 4, "RowContext: expected [N, rows, columns, D], got ",
              features.sizes());
  at::Tensor context = features;
  for (const Layer& layer : layers_) {
    const at::Tensor entered = layer.enter->forward(context).relu();
    const at::Tensor across = layer.across->forward(with_neighbors(entered));
    const at::Tensor down = layer.down->forward(at::cat({above(across), across}, 3)).relu();
    context = context + layer.leave->forward(down);
  }
  return context.relu();
}

}  // namespace nearfar
