// The loops over a tile, of every instruction set, against exponentials of the C library one by
// one.
#include "framework/losses/tile_loops.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace nearfar {
namespace {

template <typename T>
constexpr T kInfinity = std::numeric_limits<T>::infinity();

template <typename T>
const TileLoops<T>& loops(const TileKernels& kernels) {
  if constexpr (std::is_same_v<T, float>) {
    return kernels.of_float;
  } else {
    return kernels.of_double;
  }
}

/// A tile in memory that is aligned as the loops want it.
template <typename T>
struct TestTile {
  TestTile(int64_t rows, int64_t columns, T scale, double spread)
      : pitch((columns + 15) / 16 * 16), memory(static_cast<size_t>(rows * pitch + 16), T{7}) {
    auto* begin = reinterpret_cast<T*>((reinterpret_cast<uintptr_t>(memory.data()) + 63) / 64 * 64);
    tile = {begin, pitch, rows, columns, scale};
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t k = 0; k < columns; ++k) {
        at(i, k) = static_cast<T>(spread * std::sin(1.7 * static_cast<double>(i * columns + k)));
      }
    }
  }
  TestTile(const TestTile&) = delete;
  T& at(int64_t i, int64_t k) { return tile.values[i * pitch + k]; }
  double similarity(int64_t i, int64_t k) {
    return static_cast<double>(at(i, k)) * static_cast<double>(tile.scale);
  }

  int64_t pitch;
  std::vector<T> memory;
  Tile<T> tile;
};

template <typename T>
struct Sums {
  explicit Sums(int64_t count)
      : peak(static_cast<size_t>(count), -kInfinity<T>), sum(static_cast<size_t>(count), 0.0) {}
  PeakAndSum<T> view() { return {peak.data(), sum.data()}; }
  double log(int64_t i) const { return static_cast<double>(peak[i]) + std::log(sum[i]); }
  std::vector<T> peak;
  std::vector<double> sum;
};

template <typename T>
class TileLoopsTest : public testing::Test {
 protected:
  static constexpr double kUnit = static_cast<double>(std::numeric_limits<T>::epsilon());
};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(TileLoopsTest, Types);

TYPED_TEST(TileLoopsTest, ExponentialsAreRightToTwoUnitsInTheLastPlace) {
  using T = TypeParam;
  const double smallest = std::log(static_cast<double>(std::numeric_limits<T>::min()));
  for (const TileKernels* kernels : available_tile_kernels()) {
    constexpr int64_t kCount = 1000;
    TestTile<T> tile(1, kCount, T{1}, 1.0);
    std::vector<double> expected(kCount);
    for (int64_t k = 0; k < kCount; ++k) {
      tile.at(0, k) = static_cast<T>(smallest * 0.999 * static_cast<double>(k) / kCount);
      expected[k] = std::exp(static_cast<double>(tile.at(0, k)));
    }
    const T zero = 0, one = 1;
    loops<T>(*kernels).weigh(tile.tile, {&zero, &one}, {});
    for (int64_t k = 0; k < kCount; ++k) {
      EXPECT_NEAR(static_cast<double>(tile.at(0, k)) / expected[k], 1.0, 2 * this->kUnit)
          << kernels->name << " " << k;
    }
    tile.at(0, 0) = static_cast<T>(smallest * 1.01);
    tile.at(0, 1) = -kInfinity<T>;
    tile.at(0, 2) = std::numeric_limits<T>::quiet_NaN();
    loops<T>(*kernels).weigh(tile.tile, {&zero, &one}, {});
    EXPECT_EQ(tile.at(0, 0), T{0});
    EXPECT_EQ(tile.at(0, 1), T{0});
    EXPECT_TRUE(std::isnan(tile.at(0, 2)));
  }
}

TYPED_TEST(TileLoopsTest, SumsOfRowsAndColumnsOverTiles) {
  using T = TypeParam;
  for (const TileKernels* kernels : available_tile_kernels()) {
    for (const int64_t columns : {1, 15, 16, 37}) {
      constexpr int64_t kRows = 5;
      // Two tiles above one another, the second with larger similarities: peaks rise.
      TestTile<T> first(kRows, columns, T{10}, 0.5), second(kRows, columns, T{10}, 1.0);
      Sums<T> rows(kRows), columns_sums(columns);
      for (TestTile<T>* tile : {&first, &second}) {
        loops<T>(*kernels).fold(tile->tile, rows.view(), columns_sums.view());
      }
      const double tolerance = 100 * this->kUnit;  // a few dozen terms, similarities up to 10
      for (int64_t i = 0; i < kRows; ++i) {
        double sum = 0.0;
        for (int64_t k = 0; k < columns; ++k) {
          sum += std::exp(first.similarity(i, k)) + std::exp(second.similarity(i, k));
        }
        EXPECT_NEAR(rows.log(i), std::log(sum), tolerance) << kernels->name << " " << columns;
      }
      for (int64_t k = 0; k < columns; ++k) {
        double sum = 0.0;
        for (int64_t i = 0; i < kRows; ++i) {
          sum += std::exp(first.similarity(i, k)) + std::exp(second.similarity(i, k));
        }
        EXPECT_NEAR(columns_sums.log(k), std::log(sum), tolerance) << kernels->name;
      }
    }
  }
}

TYPED_TEST(TileLoopsTest, WhatIsLeftOutAddsNothingAndNaNIsSeen) {
  using T = TypeParam;
  for (const TileKernels* kernels : available_tile_kernels()) {
    TestTile<T> tile(3, 4, T{1}, 1.0);
    for (int64_t k = 0; k < 4; ++k) tile.at(0, k) = -kInfinity<T>;
    tile.at(2, 1) = std::numeric_limits<T>::quiet_NaN();
    Sums<T> rows(3), columns(4);
    loops<T>(*kernels).fold(tile.tile, rows.view(), columns.view());
    EXPECT_EQ(rows.log(0), -kInfinity<double>);
    EXPECT_TRUE(std::isfinite(rows.log(1)));
    EXPECT_TRUE(std::isnan(rows.log(2)));
    EXPECT_TRUE(std::isfinite(columns.log(0)));
    EXPECT_TRUE(std::isnan(columns.log(1)));
  }
}

TYPED_TEST(TileLoopsTest, WeightsOfRowsAndColumns) {
  using T = TypeParam;
  constexpr int64_t kRows = 3, kColumns = 21;
  std::vector<T> log_rows(kRows), weights_rows(kRows), log_columns(kColumns),
      weights_columns(kColumns);
  for (int64_t i = 0; i < kRows; ++i) {
    log_rows[i] = static_cast<T>(5 + i), weights_rows[i] = static_cast<T>(1 + i);
  }
  for (int64_t k = 0; k < kColumns; ++k) {
    log_columns[k] = static_cast<T>(4 + k), weights_columns[k] = static_cast<T>(k);
  }
  const ExpWeights<T> rows{log_rows.data(), weights_rows.data()};
  const ExpWeights<T> columns{log_columns.data(), weights_columns.data()};
  for (const TileKernels* kernels : available_tile_kernels()) {
    for (const auto& [by_rows, by_columns] : {std::pair{1, 1}, {1, 0}, {0, 1}}) {
      TestTile<T> original(kRows, kColumns, T{4}, 1.0), tile(kRows, kColumns, T{4}, 1.0);
      loops<T>(*kernels).weigh(tile.tile, by_rows ? rows : ExpWeights<T>{},
                               by_columns ? columns : ExpWeights<T>{});
      for (int64_t i = 0; i < kRows; ++i) {
        for (int64_t k = 0; k < kColumns; ++k) {
          const double s = original.similarity(i, k);
          const double expected =
              by_rows * static_cast<double>(weights_rows[i]) * std::exp(s - log_rows[i]) +
              by_columns * static_cast<double>(weights_columns[k]) * std::exp(s - log_columns[k]);
          EXPECT_NEAR(tile.at(i, k), expected, 20 * this->kUnit) << kernels->name;
        }
      }
    }
  }
}

TYPED_TEST(TileLoopsTest, AttentionRescalesWhatCameBefore) {
  using T = TypeParam;
  for (const TileKernels* kernels : available_tile_kernels()) {
    TestTile<T> first(2, 9, T{3}, 0.5), second(2, 9, T{3}, 2.0), original(2, 9, T{3}, 2.0);
    Sums<T> rows(2);
    std::vector<T> rescale(2);
    loops<T>(*kernels).attend(first.tile, rows.view(), rescale.data());
    EXPECT_EQ(rescale[0], T{0});  // there was nothing
    const std::vector<T> before = rows.peak;
    loops<T>(*kernels).attend(second.tile, rows.view(), rescale.data());
    for (int64_t i = 0; i < 2; ++i) {
      EXPECT_GT(rows.peak[i], before[i]);
      EXPECT_NEAR(rescale[i], std::exp(static_cast<double>(before[i] - rows.peak[i])),
                  4 * this->kUnit);
      double sum = 0.0;
      for (int64_t k = 0; k < 9; ++k) {
        const double expected = std::exp(original.similarity(i, k) - rows.peak[i]);
        EXPECT_NEAR(second.at(i, k), expected, 20 * this->kUnit);
        sum += second.at(i, k) + static_cast<double>(rescale[i] * first.at(i, k));
      }
      EXPECT_NEAR(rows.sum[i], sum, 40 * this->kUnit);
    }
  }
}

}  // namespace
}  // namespace nearfar
