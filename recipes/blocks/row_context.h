// The autoregressive context of CPC over a grid of features, row after row.
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "framework/encoders/layers.h"

namespace nearfar {

struct RowContextConfig {
  int64_t layers = 5;
  int64_t width = 256;

  void describe(auto& field) {
    field("layers", layers, int64_t{1}, int64_t{64},
          "residual layers; each lets a place see one row and one column more");
    field("width", width, int64_t{1}, int64_t{1} << 16, "channels inside a layer");
  }
};

/// Features [N, rows, columns, D] -> contexts of the same shape; that of a place depends on no row
/// below its own. The PixelCNN of Henaff et al. 2020, appendix A: in every layer a linear map into
/// `width` channels, ReLU, a convolution over the left, own and right place, one over the place
/// above and the own (beyond the edge are zeros), ReLU, a linear map back, added to the input; a
/// ReLU at the end. Children enter, across, down, leave, each numbered from 1.
class RowContext : public torch::nn::Module {
 public:
  RowContext(int64_t features, const RowContextConfig& config);
  at::Tensor forward(const at::Tensor& features) const;

 private:
  struct Layer {
    std::shared_ptr<Linear> enter, across, down, leave;
  };
  std::vector<Layer> layers_;
};

}  // namespace nearfar
