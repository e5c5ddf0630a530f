// The ring of keys: wrapping, batches longer than the queue, ranks, and what a checkpoint restores.
#include "recipes/blocks/feature_queue.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <vector>

#include "distributed/thread_group.h"

namespace nearfar {
namespace {

/// Unit rows [count, 2], the number of each written into its angle.
at::Tensor keys(int64_t first, int64_t count) {
  const at::Tensor angle = at::arange(first, first + count, at::kFloat) * 0.1f;
  return at::stack({angle.cos(), angle.sin()}, 1);
}

at::Tensor numbers(int64_t first, int64_t count) { return at::arange(first, first + count); }

/// The images of all rows by a list that is appended one by one.
std::vector<int64_t> by_list(int64_t length, const std::vector<int64_t>& batches) {
  std::vector<int64_t> ring(length, -1);
  int64_t next = 0;
  for (const int64_t batch : batches) {
    for (int64_t i = 0; i < batch; ++i, ++next) ring[next % length] = next;
  }
  return ring;
}

TEST(FeatureQueue, NothingIsDroppedAndTheLastWriteWins) {
  for (const int64_t length : {1, 5, 12}) {
    FeatureQueue queue(length, 2);
    std::vector<int64_t> batches;
    int64_t total = 0;
    for (const int64_t batch : {4, 3, 0, 7, 26, 1}) {
      queue.append(keys(total, batch), numbers(total, batch));
      batches.push_back(batch);
      total += batch;
      const Negatives negatives = queue.negatives();
      const int64_t filled = std::min(length, total);
      EXPECT_EQ(queue.filled(), filled);
      EXPECT_EQ(queue.pointer(), total % length);
      ASSERT_EQ(negatives.rows.size(0), filled);
      const std::vector<int64_t> expected = by_list(length, batches);
      for (int64_t row = 0; row < filled; ++row) {
        EXPECT_EQ(negatives.index[row].item<int64_t>(), expected[row]);
        EXPECT_TRUE(negatives.rows[row].equal(keys(expected[row], 1)[0]));
      }
    }
  }
}

TEST(FeatureQueue, RanksEqualOneRankWholeOrSharded) {
  SoloGroup solo;
  FeatureQueue expected(10, 2);
  for (int64_t step = 0; step < 4; ++step) {
    expected.enqueue(solo, 3.0f * keys(7 * step, 7), numbers(7 * step, 7), {0, 7, 7});
  }
  for (int ranks = 1; ranks <= 4; ++ranks) {
    run_ranks(ranks, [&](Group& group) {
      FeatureQueue whole(10, 2), sharded({.length = 10, .sharded = true}, 2, group);
      for (int64_t step = 0; step < 4; ++step) {
        const Shard own = shard(7, group.size(), group.rank());
        for (FeatureQueue* queue : {&whole, &sharded}) {
          queue->enqueue(group, 3.0f * keys(7 * step + own.begin, own.size()),
                         numbers(7 * step + own.begin, own.size()), own);
        }
      }
      const Shard place = shard(10, group.size(), group.rank());
      const Negatives all = expected.negatives(), here = whole.negatives(),
                      part = sharded.negatives();
      EXPECT_TRUE(here.rows.equal(all.rows) && here.index.equal(all.index));
      EXPECT_TRUE(part.rows.equal(all.rows.slice(0, place.begin, place.end)));
      EXPECT_TRUE(part.index.equal(all.index.slice(0, place.begin, place.end)));
      EXPECT_TRUE(part.sharded && !here.sharded);
      EXPECT_EQ(sharded.pointer(), expected.pointer());
    });
  }
}

TEST(FeatureQueue, ShardsFillFromTheFront) {
  run_ranks(2, [](Group& group) {
    FeatureQueue queue({.length = 10, .sharded = true}, 2, group);
    const Shard own = shard(7, 2, group.rank());
    queue.enqueue(group, keys(own.begin, own.size()), numbers(own.begin, own.size()), own);
    EXPECT_EQ(queue.negatives().rows.size(0), group.rank() == 0 ? 5 : 2);
    EXPECT_EQ(queue.filled(), 7);
  });
}

TEST(FeatureQueue, BuffersAreAllItIs) {
  FeatureQueue queue(5, 2), restored(5, 2);
  queue.append(keys(0, 3), numbers(0, 3));
  for (const auto& buffer : queue.named_buffers()) {
    restored.named_buffers()[buffer.key()].copy_(buffer.value());
  }
  for (FeatureQueue* each : {&queue, &restored}) each->append(keys(3, 4), numbers(3, 4));
  EXPECT_EQ(restored.pointer(), 2);
  EXPECT_EQ(restored.filled(), 5);
  EXPECT_TRUE(restored.negatives().rows.equal(queue.negatives().rows));
  EXPECT_TRUE(restored.negatives().index.equal(queue.negatives().index));
  EXPECT_EQ(queue.named_buffers().size(), 4u);
}

TEST(FeatureQueue, NegativesAreNoCopyAndKeysMustFit) {
  FeatureQueue queue(5, 2);
  queue.append(keys(0, 5), numbers(0, 5));
  EXPECT_TRUE(queue.negatives().rows.is_alias_of(queue.named_buffers()["rows"]));
  EXPECT_THROW(queue.append(at::ones({2, 3}), numbers(0, 2)), c10::Error);
  EXPECT_THROW(queue.append(keys(0, 2), numbers(0, 3)), c10::Error);
  EXPECT_THROW(FeatureQueue(0, 2), c10::Error);
}

}  // namespace
}  // namespace nearfar
