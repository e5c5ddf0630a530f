// Dotted keys of nested objects.
#include "framework/config/leaves.h"

namespace nearfar {
namespace {

using Leaves = std::vector<std::pair<std::string, const Json*>>;

void collect_leaves(const Json& object, const std::string& group, Leaves& leaves) {
  for (const auto& [name, value] : object.members()) {
    if (value.is_object() && !value.members().empty()) {
      collect_leaves(value, group + name + ".", leaves);
    } else {
      leaves.emplace_back(group + name, &value);
    }
  }
}

}  // namespace

std::vector<std::pair<std::string, const Json*>> leaves_of(const Json& object) {
  Leaves leaves;
  collect_leaves(object, "", leaves);
  return leaves;
}

}  // namespace nearfar
