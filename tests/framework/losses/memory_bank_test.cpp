// Updates of a memory bank: against their definition, over ranks, with images that come twice.
#include "framework/losses/memory_bank.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <map>

#include "distributed/thread_group.h"
#include "tests/framework/losses/over_ranks.h"
#include "tools/bench/naive_losses.h"

namespace nearfar {
namespace {

constexpr double kMomentum = 0.3;

/// Row by row; the last sample of an image counts, from the row as it was.
at::Tensor by_definition(const at::Tensor& bank, const at::Tensor& feature,
                         const std::vector<int64_t>& index) {
  const at::Tensor after = bank.clone();
  for (size_t i = 0; i < index.size(); ++i) {
    const at::Tensor moved = bank[index[i]] * kMomentum +
                             naive::unit(feature[static_cast<int64_t>(i)]) * (1.0 - kMomentum);
    after[index[i]].copy_(naive::unit(moved));
  }
  return after;
}

/// The banks of all ranks after one update, put together where they are sharded.
std::vector<at::Tensor> updated(const at::Tensor& bank, const at::Tensor& feature,
                                const at::Tensor& index, int ranks, bool sharded) {
  std::vector<at::Tensor> banks(static_cast<size_t>(ranks));
  run_ranks(ranks, [&](Group& group) {
    const int64_t images = bank.size(0);
    const Shard place = sharded ? shard(images, ranks, group.rank()) : Shard{0, images, images};
    const Shard own = shard(feature.size(0), ranks, group.rank());
    const at::Tensor rows = bank.slice(0, place.begin, place.end).clone();
    update_bank(group, {rows, place, sharded}, feature.slice(0, own.begin, own.end),
                index.slice(0, own.begin, own.end), kMomentum, own);
    banks[static_cast<size_t>(group.rank())] = rows;
  });
  return sharded ? std::vector<at::Tensor>{at::cat(banks)} : banks;
}

TEST(MemoryBank, RanksUpdateAllAlikeAndTheLastSampleOfAnImageCounts) {
  const at::Tensor bank = naive::unit(rows_for_test(9, 5, 0.2));
  const at::Tensor feature = rows_for_test(8, 5, 0.7);
  for (const std::vector<int64_t>& index : {std::vector<int64_t>{7, 2, 0, 5, 1, 8, 3, 6},
                                            {4, 4, 2, 4, 2, 0, 8, 8},
                                            {3, 3, 3, 3, 3, 3, 3, 3},
                                            {8, 7, 8, 7, 8, 7, 8, 7}}) {
    const at::Tensor expected = by_definition(bank, feature, index);
    const at::Tensor images = at::tensor(index, at::kLong);
    const at::Tensor alone = updated(bank, feature, images, 1, false)[0];
    EXPECT_LT((alone - expected).abs().max().item<double>(), 1e-15);
    // More ranks than rows, too.
    for (const int ranks : {1, 2, 3, 4, 12}) {
      for (const bool sharded : {false, true}) {
        for (const at::Tensor& after : updated(bank, feature, images, ranks, sharded)) {
          EXPECT_TRUE(after.equal(alone)) << ranks << " ranks, sharded " << sharded;
        }
      }
    }
  }
}

TEST(MemoryBank, RowsOfImagesAreThoseOfOneRank) {
  const at::Tensor bank = rows_for_test(9, 5, 0.2);
  const at::Tensor index = at::tensor({8, 0, 8, 3, 4, 1, 2}, at::kLong);
  for (const int ranks : {1, 2, 3, 4, 12}) {
    for (const bool sharded : {false, true}) {
      run_ranks(ranks, [&](Group& group) {
        const Shard place = sharded ? shard(9, ranks, group.rank()) : Shard{0, 9, 9};
        const Shard own = shard(7, ranks, group.rank());
        const at::Tensor mine = index.slice(0, own.begin, own.end);
        const MemoryBank part{bank.slice(0, place.begin, place.end), place, sharded};
        EXPECT_TRUE(
            rows_of_images(group, part, mine, own, at::kDouble).equal(bank.index_select(0, mine)));
      });
    }
  }
}

// Each update rounds a component to 8 bits, by at most half a unit in the last of them: 2^-8 of it.
TEST(MemoryBank, BFloat16RowsAreRoundedOnceAnUpdate) {
  const at::Tensor bank = naive::unit(rows_for_test(9, 16, 0.2)).to(at::kBFloat16);
  const at::Tensor feature = rows_for_test(4, 16, 0.7).to(at::kFloat);
  const std::vector<int64_t> index{7, 2, 0, 5};
  const at::Tensor exact = by_definition(bank.to(at::kDouble), feature.to(at::kDouble), index);
  const at::Tensor after = updated(bank, feature, at::tensor(index, at::kLong), 2, true)[0];
  EXPECT_EQ(after.scalar_type(), at::kBFloat16);
  // float32 before the rounding may cross a boundary: a millionth on top.
  EXPECT_TRUE((after.to(at::kDouble) - exact).abs().le(exact.abs() / 255.0).all().item<bool>());
}

TEST(MemoryBank, RefusesUnknownImages) {
  SoloGroup group;
  const MemoryBank bank{rows_for_test(9, 5, 0.2), {0, 9, 9}, false};
  const at::Tensor feature = rows_for_test(2, 5, 0.7);
  for (const int64_t image : {int64_t{-1}, int64_t{9}}) {
    const at::Tensor index = at::tensor({int64_t{0}, image}, at::kLong);
    EXPECT_THROW(update_bank(group, bank, feature, index, 0.5, {0, 2, 2}), c10::Error);
    EXPECT_THROW(rows_of_images(group, bank, index, {0, 2, 2}, at::kDouble), c10::Error);
  }
}

}  // namespace
}  // namespace nearfar
