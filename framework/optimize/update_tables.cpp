// The tables of an update: where parameters, their chunks and their followers lie.
#include "framework/optimize/update_tables.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace nearfar {
namespace {

/// Elements of a chunk: parameter, gradient and state of one lie in a core's L2 cache, and a
/// ResNet-50 makes some 1,700 of them.
constexpr int64_t kChunk = 16384;

template <typename Row>
at::Tensor as_bytes(const std::vector<Row>& rows, at::Device device) {
  const auto bytes = static_cast<int64_t>(rows.size() * sizeof(Row));
  const at::Tensor table = at::empty({bytes}, at::TensorOptions(at::kByte));
  if (bytes > 0) std::memcpy(table.data_ptr(), rows.data(), rows.size() * sizeof(Row));
  return table.to(device);
}

GroupRule rule_of(const ParameterGroup& group) {
  GroupRule rule;
  rule.rate_scale = group.rate_scale;
  rule.fixed_rate = group.fixed_rate.value_or(0.0);
  rule.fixed = group.fixed_rate.has_value();
  rule.decay = group.decay;
  rule.adapt = group.adapt;
  rule.frozen = group.frozen;
  return rule;
}

/// Appends what follows a chunk to `targets` and tells the chunk where.
void find_targets(const FollowerSet& followers, Chunk& chunk, std::vector<ChunkTarget>& targets) {
  chunk.first_target = static_cast<int32_t>(targets.size());
  for (size_t f = 0; f < followers.runs().size(); ++f) {
    for (const FollowerSet::Run& run : followers.runs()[f]) {
      if (chunk.begin < run.online.begin || chunk.end > run.online.end) continue;
      const at::Tensor place = run.target.narrow(0, chunk.begin - run.online.begin, 1);
      targets.push_back({place.data_ptr(), static_cast<int64_t>(f)});
    }
  }
  chunk.targets = static_cast<int32_t>(targets.size()) - chunk.first_target;
}

}  // namespace

UpdateTables::UpdateTables(const FlatStorage& storage, const FollowerSet& followers) {
  std::vector<GroupRule> groups;
  std::vector<ParameterPlace> places;
  std::vector<Chunk> chunks;
  std::vector<ChunkTarget> targets;
  for (const ParameterGroup& group : storage.groups()) {
    for (const auto& [name, parameter] : group.parameters) {
      const FlatStorage::Range range = storage.range_of(name);
      ParameterPlace place;
      place.first_chunk = static_cast<int32_t>(chunks.size());
      place.group = static_cast<int32_t>(groups.size());
      for (int64_t begin = range.begin; begin < range.end; begin += kChunk) {
        Chunk chunk;
        chunk.begin = begin;
        chunk.end = std::min(range.end, begin + kChunk);
        chunk.parameter = static_cast<int32_t>(places.size());
        find_targets(followers, chunk, targets);
        chunks.push_back(chunk);
      }
      place.chunks = static_cast<int32_t>(chunks.size()) - place.first_chunk;
      places.push_back(place);
    }
    groups.push_back(rule_of(group));
  }
  const at::Device device = storage.device();
  groups_ = as_bytes(groups, device);
  places_ = as_bytes(places, device);
  chunks_ = as_bytes(chunks, device);
  targets_ = as_bytes(targets, device);
  sums_ = as_bytes(std::vector<SquareSums>(chunks.size()), device);
  coefficients_ = as_bytes(std::vector<Coefficients>(places.size()), device);
}

}  // namespace nearfar
