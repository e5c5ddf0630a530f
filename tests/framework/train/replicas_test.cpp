// Ranks that hold different bits are found out and named.
#include "framework/train/replicas.h"

#include <gtest/gtest.h>

#include <cmath>

#include "distributed/thread_group.h"
#include "framework/error.h"

namespace nearfar {
namespace {

/// A channels-last weight, a counter, a flag, an empty tensor: what recipes hold.
NamedTensors state_of(int value) {
  return {
      {"weight", at::full({2, 3, 2, 2}, 0.1 * value).contiguous(at::MemoryFormat::ChannelsLast)},
      {"count", at::full({}, value, at::kLong)},
      {"flag", at::full({3}, value % 2 == 0, at::kBool)},
      {"none", at::zeros({0})}};
}

/// What check_replicas says on each rank after `spoil`.
template <typename Spoil>
std::vector<std::string> words_of(int ranks, const Spoil& spoil) {
  std::vector<std::string> words(static_cast<size_t>(ranks));
  run_ranks(ranks, [&](Group& group) {
    NamedTensors state = state_of(3);
    spoil(group.rank(), state);
    try {
      check_replicas(group, state, 12);
    } catch (const EnvironmentError& error) {
      words[static_cast<size_t>(group.rank())] = error.what();
    }
  });
  return words;
}

TEST(Replicas, TakeRankZerosState) {
  run_ranks(3, [](Group& group) {
    const NamedTensors state = state_of(5 + group.rank()), expected = state_of(5);
    broadcast_state(group, state);
    for (size_t i = 0; i < state.size(); ++i) {
      EXPECT_TRUE(state[i].second.equal(expected[i].second)) << state[i].first;
      EXPECT_EQ(state[i].second.strides(), expected[i].second.strides());
    }
    EXPECT_NO_THROW(check_replicas(group, state, 0));
  });
}

TEST(Replicas, AreNamedWithTheRankThatDiffersByOneUlp) {
  const auto words = words_of(4, [](int rank, NamedTensors& state) {
    if (rank != 2) return;
    float* values = state[0].second.data_ptr<float>();
    values[7] = std::nextafter(values[7], 1.0f);
    state[1].second.add_(1);
  });
  for (const std::string& each : words) {
    EXPECT_EQ(each,
              "after step 12: expected the same state on all ranks, found that weight of rank 2 "
              "differs from ranks 0, 1, 3 (2 of 4 tensors differ)");
  }
}

TEST(Replicas, OfTwoRanksAreMeasuredByRankZero) {
  const auto words = words_of(2, [](int rank, NamedTensors& state) {
    if (rank == 0) state[2].second.logical_not_();
  });
  EXPECT_NE(words[1].find("flag of rank 1 differs from rank 0 (1 of 4"), std::string::npos)
      << words[1];
}

TEST(Replicas, DifferAlsoByShapeOrNumber) {
  const auto shapes = words_of(2, [](int rank, NamedTensors& state) {
    if (rank == 1) state[0].second = state[0].second.view({2, 3, 4});
  });
  EXPECT_NE(shapes[0].find("weight of rank 1"), std::string::npos) << shapes[0];
  const auto numbers = words_of(2, [](int rank, NamedTensors& state) {
    if (rank == 1) state.pop_back();
  });
  EXPECT_NE(numbers[0].find("the number of tensors of rank 1"), std::string::npos) << numbers[0];
}

}  // namespace
}  // namespace nearfar
