// Keys in order again, on any number of ranks, and out of other BatchNorm groups than the queries.
#include "recipes/blocks/batch_shuffle.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <set>

#include "distributed/thread_group.h"
#include "framework/data/batch_permutation.h"
#include "framework/encoders/batch_norm.h"
#include "framework/encoders/norm_groups.h"
#include "tests/framework/encoders/module_tensors.h"

namespace nearfar {
namespace {

constexpr int64_t kColumns = 3;

at::Tensor permutation(int64_t total) { return at::tensor(batch_permutation(5, 1, 40, total)); }

/// A rank's piece of a batch of `total` whose second view is shuffled.
Batch batch_of(Group& group, int64_t total) {
  Batch batch;
  batch.shard = shard(total, group.size(), group.rank());
  batch.permutation = permutation(total);
  const at::Tensor images = waves({total, kColumns}, 0.3);
  const Shard& own = batch.shard;
  batch.views = {images.slice(0, own.begin, own.end),
                 images.index_select(0, batch.permutation).slice(0, own.begin, own.end)};
  return batch;
}

TEST(BatchShuffle, KeysOfAnEncoderOfRowsAreThoseInOrder) {
  for (const int64_t total : {12, 11, 3}) {  // even, uneven, and a rank without rows
    const at::Tensor expected = waves({total, kColumns}, 0.3).tanh();
    for (const int ranks : {1, 2, 3, 4}) {
      run_ranks(ranks, [&](Group& group) {
        const Batch batch = batch_of(group, total);
        const KeysInOrder keys = keys_in_order(group, batch.views[1].tanh(), batch);
        EXPECT_TRUE(keys.all_ND.equal(expected));
        EXPECT_TRUE(keys.mine_nD.equal(batch.views[0].tanh()));
      });
    }
  }
}

TEST(BatchShuffle, ABatchInOrderStaysSo) {
  run_ranks(2, [](Group& group) {
    Batch batch = batch_of(group, 7);
    batch.permutation.reset();
    EXPECT_TRUE(keys_in_order(group, batch.views[0], batch).all_ND.equal(waves({7, 3}, 0.3)));
  });
}

/// Keys of all samples, in order, out of a BatchNorm with groups of 4 rows.
at::Tensor normalized_keys(int ranks, bool shuffled) {
  constexpr int64_t kTotal = 16;
  at::Tensor keys;
  run_ranks(ranks, [&](Group& group) {
    Batch batch = batch_of(group, kTotal);
    if (!shuffled) {
      batch.permutation.reset();
      batch.views[1] = batch.views[0];
    }
    BatchNorm norm(kColumns, {4, &group, std::make_shared<Shard>(batch.shard)});
    to_double(norm);
    const at::NoGradGuard no_grad;
    const KeysInOrder found = keys_in_order(group, norm.forward(batch.views[1]), batch);
    if (group.rank() == 0) keys = found.all_ND;
  });
  return keys;
}

TEST(BatchShuffle, GroupsOfKeysAreOthersAndDoNotDependOnRanks) {
  const at::Tensor one = normalized_keys(1, true);
  for (const int ranks : {2, 4}) {
    EXPECT_LT(worst_difference(normalized_keys(ranks, true), one), 1e-12);
  }
  // The same rows of the same encoder: only who shares their statistics differs.
  const at::Tensor in_order = normalized_keys(1, false);
  EXPECT_GT((one - in_order).abs().amax(1).min().item<double>(), 1e-3);
}

TEST(BatchShuffle, GroupsOfKeysHoldImagesOfSeveralGroupsOfQueries) {
  const at::Tensor rows = permutation(64);
  for (const NormGroup& group : groups_of_piece(8, {0, 64, 64})) {
    std::set<int64_t> query_groups;
    for (int64_t i = 0; i < group.rows; ++i) {
      query_groups.insert(rows[group.begin + i].item<int64_t>() / 8);
    }
    EXPECT_GT(query_groups.size(), 2u);
  }
}

TEST(BatchShuffle, KeysWithGradientAndPiecesAreRefused) {
  SoloGroup group;
  Batch batch = batch_of(group, 6);
  EXPECT_THROW(keys_in_order(group, batch.views[1].clone().requires_grad_(), batch), c10::Error);
  batch.shard = {0, 3, 6};
  EXPECT_THROW(keys_in_order(group, batch.views[1].slice(0, 0, 3), batch), c10::Error);
}

}  // namespace
}  // namespace nearfar
