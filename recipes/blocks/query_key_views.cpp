// Lists of views for queries and keys.
#include "recipes/blocks/query_key_views.h"

namespace nearfar {

std::vector<ViewPolicy> QueryKeyViews::list() const {
  std::vector<ViewPolicy> both = views.list();
  if (symmetric && shuffle) return {both[0], both[1], both[0], both[1]};
  return both;
}

std::vector<bool> QueryKeyViews::shuffled() const {
  if (!shuffle) return {};
  if (symmetric) return {false, false, true, true};
  return {false, true};
}

}  // namespace nearfar
