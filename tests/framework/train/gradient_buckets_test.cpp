// Buckets: contiguous, small at both ends, in the order in which backward reaches them.
#include "framework/train/gradient_buckets.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <stdexcept>

namespace nearfar {
namespace {

/// float64 parameters named a, b, ... of these many elements.
ParameterGroup group_of(const std::string& names, const std::vector<int64_t>& elements,
                        bool frozen = false) {
  ParameterGroup group{.name = names, .parameters = {}, .frozen = frozen, .fixed_rate = {}};
  for (size_t i = 0; i < names.size(); ++i) {
    group.parameters.emplace_back(std::string(1, names[i]), at::zeros({elements[i]}, at::kDouble));
  }
  return group;
}

std::vector<std::string> letters(const std::string& names) {
  std::vector<std::string> list;
  for (const char name : names) list.emplace_back(1, name);
  return list;
}

/// "de c ab": the parameters of each bucket in the order of sending.
std::string words(const FlatStorage& storage, const std::vector<Bucket>& buckets) {
  std::string all, text;
  for (const ParameterGroup& group : storage.groups()) all += group.name;
  for (const Bucket& bucket : buckets) {
    text += (text.empty() ? "" : " ") + all.substr(bucket.first, bucket.end - bucket.first);
  }
  return text;
}

TEST(GradientBuckets, AreCutFromTheEndWithSmallOnesAtBothEnds) {
  const FlatStorage storage({group_of("abcdefgh", {8, 8, 16, 16, 16, 16, 8, 8})});
  const auto buckets = cut_buckets(storage, letters("abcdefgh"), {.bytes = 256, .end_bytes = 128});
  EXPECT_EQ(words(storage, buckets), "gh ef cd ab");
  for (const Bucket& bucket : buckets) {
    const std::string first(1, static_cast<char>('a' + bucket.first));
    const std::string last(1, static_cast<char>('a' + bucket.end - 1));
    EXPECT_EQ(bucket.range.begin, storage.range_of(first).begin);
    EXPECT_EQ(bucket.range.end, storage.range_of(last).end);
  }
}

TEST(GradientBuckets, HoldALargeParameterAlone) {
  const FlatStorage storage({group_of("abcd", {8, 1000, 8, 1000})});
  EXPECT_EQ(words(storage, cut_buckets(storage, letters("abcd"), {.bytes = 256, .end_bytes = 128})),
            "d c b a");
}

TEST(GradientBuckets, OfAGroupThatSpansTheNetworkLeaveNearTheEnd) {
  // Registered as weight, bias, weight, bias, ...
  const FlatStorage storage({group_of("aceg", {32, 32, 32, 32}), group_of("bdfh", {2, 2, 2, 2})});
  EXPECT_EQ(
      words(storage, cut_buckets(storage, letters("abcdefgh"), {.bytes = 512, .end_bytes = 256})),
      "g ce bdfh a");
}

TEST(GradientBuckets, LeaveFrozenGroupsOutAndKeepTheirPlace) {
  const FlatStorage storage({group_of("ab", {4, 4}, /*frozen=*/true), group_of("cd", {4, 4})});
  EXPECT_EQ(words(storage, cut_buckets(storage, letters("abcd"), {})), "cd");
}

TEST(GradientBuckets, OfAnUnregisteredParameterAreRefusedByName) {
  const FlatStorage storage({group_of("ab", {4, 4})});
  try {
    cut_buckets(storage, letters("a"), {});
    FAIL() << "expected std::invalid_argument";
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find("\"b\""), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace nearfar
