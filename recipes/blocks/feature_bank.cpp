// The bank's start and its updates.
#include "recipes/blocks/feature_bank.h"

#include <ATen/Parallel.h>
#include <torch/types.h>

#include <cmath>

#include "augment/random.h"

namespace nearfar {
namespace {

constexpr uint8_t kStartStream = 2;  // beside those of steps and of epochs
constexpr int64_t kGrain = 256;

/// float32 rows of the images [place.begin, place.end).
at::Tensor start(const Shard& place, int64_t width, uint64_t seed) {
  const double bound = std::sqrt(3.0 / static_cast<double>(width));
  const at::Tensor rows = at::empty({place.size(), width}, at::kFloat);
  float* values = rows.mutable_data_ptr<float>();
  at::parallel_for(0, place.size(), kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      Random random(seed, 0, static_cast<uint64_t>(place.begin + row), Purpose::recipe,
                    kStartStream);
      for (int64_t i = 0; i < width; ++i) {
        values[row * width + i] = static_cast<float>(random.uniform(-bound, bound));
      }
    }
  });
  return rows;
}

}  // namespace

FeatureBank::FeatureBank(int64_t images, int64_t width, const FeatureBankConfig& config,
                         uint64_t seed, const Group& group)
    : config_(config),
      place_(config.sharded ? shard(images, group.size(), group.rank())
                            : Shard{0, images, images}) {
  TORCH_CHECK(images > 0 && width > 0, "FeatureBank: expected images and features, got ", images,
              " and ", width);
  const at::Tensor rows = start(place_, width, seed);
  rows_ = register_buffer("rows", config.type == "bfloat16" ? rows.to(at::kBFloat16) : rows);
}

MemoryBank FeatureBank::rows() const { return {rows_, place_, config_.sharded}; }

void FeatureBank::update(Group& group, const at::Tensor& feature, const at::Tensor& index,
                         const Shard& own) {
  update_bank(group, rows(), feature, index, config_.momentum, own);
}

std::vector<std::pair<std::string, int64_t>> FeatureBank::sharded_buffers() const {
  if (!config_.sharded) return {};
  return {{"rows", place_.total}};
}

}  // namespace nearfar
