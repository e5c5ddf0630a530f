// Which views queries and keys are made of: in one direction or both, keys shuffled or not.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "augment/two_views.h"

namespace nearfar {

/// Two views of an image, of which one or each is a query's and the other its key's.
struct QueryKeyViews {
  bool shuffle = true;
  bool symmetric = false;
  TwoViews views;

  explicit QueryKeyViews(const std::string& preset) : views(preset) {}

  void describe(auto& field) {
    field("shuffle", shuffle,
          "keys share BatchNorm statistics with other images than their queries, which these would "
          "give away; needs encoder.norm_batch below the batch");
    field("symmetric", symmetric,
          "each view has a query and the other view its key, the loss is the mean of both; "
          "shuffled keys are of views of their own, four an image");
    views.describe(field);
  }

  /// Queries an image has, and keys.
  size_t directions() const { return symmetric ? 2 : 1; }
  /// For Recipe::views(): those of queries come first, those of keys last. The key of query d is of
  /// the d-th view from the end. A symmetric view in order is both a query's and a key's.
  std::vector<ViewPolicy> list() const;
  /// For Recipe::shuffled_views().
  std::vector<bool> shuffled() const;
  /// The size of a view in pixels.
  int64_t size() const { return views.first.size; }
};

}  // namespace nearfar
