// Philox against the published known-answer vectors; streams that do not overlap.
#include "augment/random.h"

#include <gtest/gtest.h>

#include <set>

namespace nearfar {
namespace {

using Words = std::array<uint32_t, 4>;

// Random123 1.14.0, tests/kat_vectors, philox4x32 with 10 rounds.
TEST(Philox, EqualsThePublishedVectors) {
  EXPECT_EQ(philox4x32_10({0, 0, 0, 0}, {0, 0}),
            (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(
      philox4x32_10({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
      (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(
      philox4x32_10({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
      (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, StreamsDifferInEveryArgument) {
  std::set<uint64_t> first;
  first.insert(Random(1, 0, 0, Purpose::view).next_uint64());
  first.insert(Random(2, 0, 0, Purpose::view).next_uint64());
  first.insert(Random(uint64_t{1} << 32, 0, 0, Purpose::view).next_uint64());
  first.insert(Random(1, 1, 0, Purpose::view).next_uint64());
  first.insert(Random(1, 0, 1, Purpose::view).next_uint64());
  first.insert(Random(1, 0, uint64_t{1} << 40, Purpose::view).next_uint64());
  first.insert(Random(1, 0, 0, Purpose::order).next_uint64());
  first.insert(Random(1, 0, 0, Purpose::view, 1).next_uint64());
  EXPECT_EQ(first.size(), 8u);
}

TEST(Random, SameArgumentsSameStream) {
  Random a(7, 3, 99, Purpose::recipe, 2);
  Random b(7, 3, 99, Purpose::recipe, 2);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(a.next_uint64(), b.next_uint64());
}

TEST(Random, RefusesWhatTheCounterCannotHold) {
  EXPECT_THROW(Random(0, 0, uint64_t{1} << 48, Purpose::view), std::out_of_range);
  EXPECT_THROW(Random(0, uint64_t{1} << 32, 0, Purpose::view), std::out_of_range);
}

TEST(Random, BelowIsUniform) {
  // Chi-square with 6 degrees of freedom: 35.0 is exceeded by chance in 4 of a million seeds.
  Random random(11, 0, 0, Purpose::order);
  std::array<int, 7> counts{};
  for (int i = 0; i < 70000; ++i) ++counts[random.below(7)];
  double chi_square = 0.0;
  for (int count : counts) chi_square += (count - 10000.0) * (count - 10000.0) / 10000.0;
  EXPECT_LT(chi_square, 35.0);
}

TEST(Random, NormalHasUnitVariance) {
  // Standard errors at 200,000 draws: mean 0.0022, variance 0.0032; five of each are allowed.
  Random random(12, 0, 0, Purpose::order);
  double sum = 0.0, squares = 0.0;
  const int draws = 200000;
  for (int i = 0; i < draws; ++i) {
    const double value = random.normal();
    sum += value;
    squares += value * value;
  }
  EXPECT_NEAR(sum / draws, 0.0, 0.0112);
  EXPECT_NEAR(squares / draws, 1.0, 0.016);
}

TEST(Random, SkipsWhatUniformWouldDraw) {
  for (uint32_t words : {0u, 1u, 2u, 3u, 4u, 5u, 7u}) {
    for (uint32_t count : {0u, 1u, 2u, 3u, 18u}) {
      Random drawn(3, 1, 4, Purpose::view), skipped(3, 1, 4, Purpose::view);
      for (uint32_t i = 0; i < words; ++i) ASSERT_EQ(drawn.next_uint32(), skipped.next_uint32());
      for (uint32_t i = 0; i < count; ++i) drawn.uniform();
      skipped.skip_uniform(count);
      for (int i = 0; i < 9; ++i) {
        ASSERT_EQ(drawn.next_uint32(), skipped.next_uint32()) << words << " " << count;
      }
    }
  }
}

}  // namespace
}  // namespace nearfar
