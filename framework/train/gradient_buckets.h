// The slices of the flat gradients that travel together, in the order in which they leave.
#pragma once

#include <string>
#include <vector>

#include "framework/optimize/flat_storage.h"

namespace nearfar {

/// Parameters that lie side by side, counted over all groups of a FlatStorage in their order.
struct Bucket {
  FlatStorage::Range range;
  size_t first = 0;
  size_t end = 0;
};

/// Bytes of a bucket, at most, unless a single parameter is larger.
struct BucketLimits {
  int64_t bytes = int64_t{25} << 20;
  /// Of the two ends of a group: the first bucket of a backward starts the communication early, the
  /// last one has no backward left to hide behind.
  int64_t end_bytes = int64_t{1} << 20;
};

/// Cuts the gradients of the groups that are not frozen. Backward reaches last what the recipe
/// registered first: buckets leave in the descending order of their earliest parameter in
/// `registered` (the recipe's named_parameters()), a pure function of names and sizes that gives
/// the same on every rank. Throws std::invalid_argument for a parameter that is not registered.
std::vector<Bucket> cut_buckets(const FlatStorage& storage,
                                const std::vector<std::string>& registered,
                                const BucketLimits& limits);

}  // namespace nearfar
