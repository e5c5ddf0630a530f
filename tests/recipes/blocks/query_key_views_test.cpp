// Which views queries and keys get, and which of them come shuffled.
#include "recipes/blocks/query_key_views.h"

#include <gtest/gtest.h>

namespace nearfar {
namespace {

/// Blur tells BYOL's two views apart: 1 of the first, 0.1 of the second.
std::vector<double> blurs(const QueryKeyViews& views) {
  std::vector<double> values;
  for (const ViewPolicy& view : views.list()) values.push_back(view.blur);
  return values;
}

struct Case {
  bool shuffle, symmetric;
  std::vector<double> blurs;
  std::vector<bool> shuffled;
};

TEST(QueryKeyViews, QueriesComeFirstAndKeysLast) {
  for (const Case& each :
       {Case{true, false, {1.0, 0.1}, {false, true}}, Case{false, false, {1.0, 0.1}, {}},
        // Both views are a query's and a key's.
        Case{false, true, {1.0, 0.1}, {}},
        // The key of the first, from the end, is drawn as the second view is.
        Case{true, true, {1.0, 0.1, 1.0, 0.1}, {false, false, true, true}}}) {
    QueryKeyViews views("byol");
    views.shuffle = each.shuffle;
    views.symmetric = each.symmetric;
    EXPECT_EQ(blurs(views), each.blurs);
    EXPECT_EQ(views.shuffled(), each.shuffled);
    EXPECT_EQ(views.directions(), each.symmetric ? 2U : 1U);
  }
}

}  // namespace
}  // namespace nearfar
