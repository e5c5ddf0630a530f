// Local densities against a double loop, with the same bits on any number of ranks.
#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "distributed/thread_group.h"
#include "framework/losses/density_negatives.h"
#include "framework/train/memory_meter.h"
#include "tests/framework/losses/bank_part.h"
#include "tests/framework/losses/over_ranks.h"
#include "tools/bench/naive_losses.h"

namespace nearfar {
namespace {

/// Pair by pair, in double.
std::vector<double> naive_densities(const at::Tensor& rows, size_t neighbours) {
  const at::Tensor unit = naive::unit(rows.to(at::kDouble)).contiguous();
  const int64_t images = unit.size(0), width = unit.size(1);
  const double* values = unit.const_data_ptr<double>();
  std::vector<double> densities;
  for (int64_t i = 0; i < images; ++i) {
    std::vector<double> cosines;
    for (int64_t j = 0; j < images; ++j) {
      if (j == i) continue;
      double product = 0.0;
      for (int64_t d = 0; d < width; ++d) product += values[i * width + d] * values[j * width + d];
      cosines.push_back(product);
    }
    std::partial_sort(cosines.begin(), cosines.begin() + static_cast<std::ptrdiff_t>(neighbours),
                      cosines.end(), std::greater<>());
    double sum = 0.0;
    for (size_t k = 0; k < neighbours; ++k) sum += cosines[k];
    densities.push_back(sum / static_cast<double>(neighbours));
  }
  return densities;
}

void expect_densities(const at::Tensor& found, const std::vector<double>& expected,
                      double tolerance) {
  ASSERT_EQ(found.sizes(), at::IntArrayRef({static_cast<int64_t>(expected.size())}));
  ASSERT_EQ(found.scalar_type(), at::kDouble);
  const at::Tensor difference = found - at::tensor(expected, at::kDouble);
  EXPECT_LT(difference.abs().max().item<double>(), tolerance);
}

// 1100 rows are two tiles of rows, 4200 are two of columns besides.
TEST(LocalDensities, AreMeansOverTheNearestOtherRows) {
  SoloGroup group;
  for (const auto& [images, neighbours] : std::vector<std::pair<int64_t, int64_t>>{
           {2, 1}, {12, 1}, {12, 5}, {12, 11}, {1100, 10}, {4200, 7}}) {
    const at::Tensor rows = rows_for_test(images, 4, 0.3) * 3.0;
    const auto expected = naive_densities(rows, static_cast<size_t>(neighbours));
    expect_densities(local_densities(group, part_of(rows, group, false), neighbours), expected,
                     1e-14);
    // A few units in the last place of 1.
    const at::Tensor narrow = rows.to(at::kFloat);
    expect_densities(local_densities(group, part_of(narrow, group, false), neighbours), expected,
                     1e-6);
  }
}

TEST(LocalDensities, RowsOfBFloat16AreTakenAsTheyAre) {
  SoloGroup group;
  const at::Tensor rows = rows_for_test(40, 6, 0.3).to(at::kBFloat16);
  expect_densities(local_densities(group, part_of(rows, group, false), 3), naive_densities(rows, 3),
                   1e-6);
}

TEST(LocalDensities, OfIdenticalRowsAreOneAndOfZerosZero) {
  SoloGroup group;
  at::Tensor rows = at::ones({6, 3}, at::kDouble);
  rows[5].zero_();
  const at::Tensor found = local_densities(group, part_of(rows, group, false), 4);
  expect_densities(found, {1.0, 1.0, 1.0, 1.0, 1.0, 0.0}, 1e-15);
}

TEST(LocalDensities, HaveTheSameBitsOnAnyNumberOfRanks) {
  for (const int64_t images : {7, 2500, 4200}) {
    for (const at::ScalarType type : {at::kFloat, at::kDouble, at::kBFloat16}) {
      const at::Tensor rows = rows_for_test(images, 5, 0.3).to(type);
      SoloGroup solo;
      const ThreadCount one(1);
      const at::Tensor expected = local_densities(solo, part_of(rows, solo, false), 3);
      for (const int ranks : {1, 2, 3, 5}) {
        for (const bool sharded : {false, true}) {
          run_ranks(ranks, [&](Group& group) {
            const ThreadCount of_rank(1);
            EXPECT_TRUE(local_densities(group, part_of(rows, group, sharded), 3).equal(expected))
                << images << " images, " << ranks << " ranks, sharded " << sharded;
          });
        }
      }
    }
  }
}

// 20000 rows have 1.6 GB of cosines: here a tile of 16 MiB with its columns' rows, this rank's
// rows, and what topk sorts, one row of a tile at a time.
TEST(LocalDensities, TakeMemoryForATileAndTheRows) {
  SoloGroup group;
  const ThreadCount one(1);
  const at::Tensor rows = rows_for_test(20000, 16, 0.3).to(at::kFloat);
  const int64_t peak = peak_bytes([&] { local_densities(group, part_of(rows, group, false), 10); });
  EXPECT_LT(peak, (int64_t{16} << 20) + 20000 * (16 + 10) * 4 + 20000 * 8 + (int64_t{2} << 20));
}

TEST(LocalDensities, RefuseMoreNeighboursThanThereAre) {
  SoloGroup group;
  const MemoryBank bank = part_of(rows_for_test(5, 3, 0.3), group, false);
  for (const int64_t neighbours : {int64_t{-1}, int64_t{0}, int64_t{5}, int64_t{100}}) {
    try {
      local_densities(group, bank, neighbours);
      FAIL() << "expected an error";
    } catch (const c10::Error& error) {
      EXPECT_NE(std::string(error.what())
                    .find("expected from 1 to 4 neighbours in a bank of 5 "
                          "rows, got " +
                          std::to_string(neighbours)),
                std::string::npos)
          << error.what();
    }
  }
}

}  // namespace
}  // namespace nearfar
