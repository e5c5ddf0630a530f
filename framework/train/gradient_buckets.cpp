// Cutting flat gradients into buckets, from the end that backward reaches first.
#include "framework/train/gradient_buckets.h"

#include <algorithm>
#include <map>
#include <stdexcept>

namespace nearfar {
namespace {

using Positions = std::map<std::string, size_t>;

size_t position_of(const Positions& positions, const std::string& name) {
  const auto found = positions.find(name);
  if (found != positions.end()) return found->second;
  throw std::invalid_argument("cut_buckets: parameter \"" + name +
                              "\": expected among the recipe's parameters");
}

/// The cuts of one group, from its end to its beginning; `begin` counts the parameters before it.
void cut_group(const ParameterGroup& group, size_t begin, const FlatStorage& storage,
               const BucketLimits& limits, std::vector<Bucket>& buckets) {
  const auto bytes_of = [&group](size_t i) {
    return static_cast<int64_t>(group.parameters[i].second.nbytes());
  };
  // How many parameters at the group's beginning make up its last bucket.
  size_t last_bucket = 0;
  for (int64_t bytes = 0; last_bucket < group.parameters.size(); ++last_bucket) {
    bytes += bytes_of(last_bucket);
    if (bytes > limits.end_bytes) break;
  }
  size_t end = group.parameters.size();
  const size_t first_cut = buckets.size();
  int64_t bytes = 0;
  for (size_t i = end; i-- > 0;) {
    bytes += bytes_of(i);
    const int64_t limit = buckets.size() == first_cut ? limits.end_bytes : limits.bytes;
    if (i > 0 && i != last_bucket && bytes + bytes_of(i - 1) <= limit) continue;
    buckets.push_back({{storage.range_of(group.parameters[i].first).begin,
                        storage.range_of(group.parameters[end - 1].first).end},
                       begin + i,
                       begin + end});
    end = i;
    bytes = 0;
  }
}

}  // namespace

std::vector<Bucket> cut_buckets(const FlatStorage& storage,
                                const std::vector<std::string>& registered,
                                const BucketLimits& limits) {
  Positions positions;
  for (size_t i = 0; i < registered.size(); ++i) positions.emplace(registered[i], i);
  std::vector<Bucket> buckets;
  std::vector<size_t> position;  // by parameter
  for (const ParameterGroup& group : storage.groups()) {
    const size_t begin = position.size();
    for (const auto& [name, parameter] : group.parameters) {
      position.push_back(position_of(positions, name));
    }
    if (!group.frozen) cut_group(group, begin, storage, limits, buckets);
  }
  const auto earliest = [&position](const Bucket& bucket) {
    return *std::min_element(position.begin() + static_cast<std::ptrdiff_t>(bucket.first),
                             position.begin() + static_cast<std::ptrdiff_t>(bucket.end));
  };
  std::sort(buckets.begin(), buckets.end(),
            [&earliest](const Bucket& a, const Bucket& b) { return earliest(a) > earliest(b); });
  return buckets;
}

}  // namespace nearfar
