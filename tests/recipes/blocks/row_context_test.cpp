// The context network against its layers written out place by place, and what a place may see.
#include "recipes/blocks/row_context.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/framework/encoders/module_tensors.h"

namespace nearfar {
namespace {

constexpr int64_t kRows = 4, kColumns = 3, kFeatures = 5, kWidth = 6;

RowContext make_context(int64_t layers) {
  at::manual_seed(5);
  RowContext context(kFeatures, {.layers = layers, .width = kWidth});
  to_double(context);
  return context;
}

using Vector = std::vector<double>;
using Grid = std::vector<std::vector<Vector>>;  // by row, by column

Vector linear(const RowContext& context, const std::string& name, const Vector& in) {
  const at::Tensor weight = parameter(context, name + ".weight");
  const at::Tensor bias = parameter(context, name + ".bias");
  Vector out(static_cast<size_t>(weight.size(0)));
  for (int64_t o = 0; o < weight.size(0); ++o) {
    out[o] = bias[o].item<double>();
    for (int64_t i = 0; i < weight.size(1); ++i) out[o] += weight[o][i].item<double>() * in[i];
  }
  return out;
}

Vector relu(Vector values) {
  for (double& value : values) value = std::max(value, 0.0);
  return values;
}

/// The neighbour's values, zeros beyond the edge.
Vector at_place(const Grid& grid, int64_t row, int64_t column) {
  if (row < 0 || column < 0 || column >= kColumns) return Vector(kWidth, 0.0);
  return grid[row][column];
}

Vector joined(std::initializer_list<Vector> parts) {
  Vector all;
  for (const Vector& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

/// `make` at every place.
template <typename Make>
Grid over_places(const Make& make) {
  Grid grid(kRows, std::vector<Vector>(kColumns));
  for (int64_t r = 0; r < kRows; ++r) {
    for (int64_t c = 0; c < kColumns; ++c) grid[r][c] = make(r, c);
  }
  return grid;
}

Grid naive(const RowContext& net, Grid context, int64_t layers) {
  for (int64_t layer = 1; layer <= layers; ++layer) {
    const std::string number = std::to_string(layer);
    const Grid entered = over_places(
        [&](int64_t r, int64_t c) { return relu(linear(net, "enter" + number, context[r][c])); });
    const Grid across = over_places([&](int64_t r, int64_t c) {
      return linear(
          net, "across" + number,
          joined({at_place(entered, r, c - 1), entered[r][c], at_place(entered, r, c + 1)}));
    });
    const Grid down = over_places([&](int64_t r, int64_t c) {
      return relu(linear(net, "down" + number, joined({at_place(across, r - 1, c), across[r][c]})));
    });
    context = over_places([&](int64_t r, int64_t c) {
      Vector sum = linear(net, "leave" + number, down[r][c]);
      for (int64_t i = 0; i < kFeatures; ++i) sum[i] += context[r][c][i];
      return sum;
    });
  }
  return over_places([&](int64_t r, int64_t c) { return relu(context[r][c]); });
}

TEST(RowContext, IsItsLayersWrittenOut) {
  for (const int64_t layers : {1, 3}) {
    const RowContext net = make_context(layers);
    const at::Tensor features = waves({2, kRows, kColumns, kFeatures}, 0.3);
    const at::Tensor found = net.forward(features);
    for (int64_t n = 0; n < 2; ++n) {
      const Grid expected =
          naive(net, over_places([&](int64_t r, int64_t c) {
                  const at::Tensor place = features[n][r][c].contiguous();
                  return Vector(place.data_ptr<double>(), place.data_ptr<double>() + kFeatures);
                }),
                layers);
      for (int64_t r = 0; r < kRows; ++r) {
        for (int64_t c = 0; c < kColumns; ++c) {
          for (int64_t i = 0; i < kFeatures; ++i) {
            EXPECT_NEAR(found[n][r][c][i].item<double>(), expected[r][c][i], 1e-12);
          }
        }
      }
    }
  }
}

TEST(RowContext, NoPlaceDependsOnARowBelow) {
  const RowContext net = make_context(5);
  for (int64_t row = 0; row < kRows; ++row) {
    const at::Tensor features = waves({2, kRows, kColumns, kFeatures}, 0.7).requires_grad_();
    const at::Tensor of_row = net.forward(features).select(1, row);
    (of_row * waves(of_row.sizes(), 0.1)).sum().backward();
    const at::Tensor by_row = features.grad().abs().amax({0, 2, 3});
    for (int64_t r = 0; r < kRows; ++r) {
      const double gradient = by_row[r].item<double>();
      if (r > row) {
        EXPECT_EQ(gradient, 0.0);
      } else {
        EXPECT_GT(gradient, 0.0);
      }
    }
  }
}

TEST(RowContext, ChangesBelowLeaveTheBitsAbove) {
  const RowContext net = make_context(2);
  const at::Tensor features = waves({1, kRows, kColumns, kFeatures}, 0.2);
  const at::Tensor changed = features.clone();
  changed.narrow(1, 2, 2).add_(1.0);
  const at::Tensor before = net.forward(features), after = net.forward(changed);
  EXPECT_TRUE(before.narrow(1, 0, 2).equal(after.narrow(1, 0, 2)));
  EXPECT_FALSE(before.narrow(1, 2, 1).equal(after.narrow(1, 2, 1)));
}

TEST(RowContext, NamesItsLayers) {
  const RowContext net(kFeatures, {.layers = 1, .width = kWidth});
  EXPECT_EQ(
      net.named_parameters().keys(),
      (std::vector<std::string>{"enter1.weight", "enter1.bias", "across1.weight", "across1.bias",
                                "down1.weight", "down1.bias", "leave1.weight", "leave1.bias"}));
}

}  // namespace
}  // namespace nearfar
