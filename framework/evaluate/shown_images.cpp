// Sampling, thumbnails and the map of a report.
#include "framework/evaluate/shown_images.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "augment/random.h"
#include "framework/evaluate/image_batches.h"
#include "framework/evaluate/principal_components.h"
#include "framework/evaluate/tsne.h"
#include "framework/log/quantities.h"

namespace nearfar {
namespace {

// Streams of Purpose::evaluation below belong to labelled subsets.
constexpr uint8_t kFirstStream = 16;
constexpr int kSmallest = 16;

uint8_t to_byte(float value) {
  return static_cast<uint8_t>(std::lround(std::clamp(value, 0.0f, 1.0f) * 255.0f));
}

Canvas to_canvas(const float* pixels, int side, int channels) {
  Canvas canvas = make_canvas(side, side, {});
  for (size_t i = 0; i < static_cast<size_t>(side) * side; ++i) {
    for (size_t c = 0; c < 3; ++c) {
      canvas.pixels[3 * i + c] = to_byte(pixels[i * channels + (channels == 3 ? c : 0)]);
    }
  }
  return canvas;
}

std::vector<double> column_of(const at::Tensor& map, int64_t column) {
  if (column >= map.size(1)) return std::vector<double>(static_cast<size_t>(map.size(0)), 0.0);
  const at::Tensor values = map.select(1, column).contiguous();
  return {values.data_ptr<double>(), values.data_ptr<double>() + values.numel()};
}

MapLayout layout_of(const char* id, const char* name, std::string note, const at::Tensor& map) {
  return {id, name, std::move(note), column_of(map, 0), column_of(map, 1)};
}

/// Turned so that it is widest along the x axis: a map by t-SNE means the same in every direction.
at::Tensor upright(const at::Tensor& map) { return principal_components(map, 2).coordinates; }

MapLayout tsne_layout(const at::Tensor& rows, double perplexity) {
  TsneOptions options;
  options.perplexity = perplexity;
  return layout_of("tsne", "t-SNE",
                   "t-SNE keeps neighbours together: groups mean something; the distances between "
                   "groups, their sizes and the axes do not.",
                   upright(tsne(rows, options)));
}

MapLayout pca_layout(const at::Tensor& rows) {
  const PrincipalComponents components = principal_components(rows, 2);
  const double share = components.explained.sum().item<double>();
  return layout_of("pca", "PCA",
                   "The first two principal components: a flat shadow of the embedding, which "
                   "holds " +
                       format_fixed(100.0 * share, 0) + " % of its variance.",
                   components.coordinates);
}

}  // namespace

std::vector<int64_t> seeded_sample(int64_t size, int64_t count, uint64_t seed, uint8_t stream) {
  std::vector<int64_t> indices(static_cast<size_t>(size));
  std::iota(indices.begin(), indices.end(), int64_t{0});
  if (count >= size) return indices;
  Random random(seed, 0, 0, Purpose::evaluation, static_cast<uint8_t>(kFirstStream + stream));
  for (int64_t i = 0; i < count; ++i) {
    std::swap(indices[static_cast<size_t>(i)],
              indices[static_cast<size_t>(i + random.below(size - i))]);
  }
  indices.resize(static_cast<size_t>(count));
  std::sort(indices.begin(), indices.end());
  return indices;
}

std::vector<Canvas> thumbnails(const Dataset& dataset, int side, int workers) {
  const int channels = dataset.info().channels;
  BatchPlan plan;
  plan.workers = workers;
  plan.target.size = {side, side};
  plan.crop = evaluation_crop;
  const int64_t floats = int64_t{side} * side * channels;
  std::vector<Canvas> pictures;
  for_each_batch(dataset, plan, [&](int64_t, int64_t count, std::vector<float>& pixels) {
    for (int64_t i = 0; i < count; ++i) {
      pictures.push_back(to_canvas(pixels.data() + i * floats, side, channels));
    }
  });
  return pictures;
}

int thumbnail_side(const DatasetInfo& info, int largest) {
  if (info.height == 0) return largest;
  return std::clamp(std::min(info.height, info.width), std::min(kSmallest, largest), largest);
}

EmbeddingMap map_images(const Features& features, const std::vector<Canvas>& pictures,
                        double perplexity) {
  const at::Tensor length = features.features.norm(2, 1, true).clamp_min(1e-12);
  const at::Tensor rows = features.features / length;
  EmbeddingMap map;
  map.layouts.push_back(tsne_layout(rows, perplexity));
  map.layouts.push_back(pca_layout(rows));
  const int64_t* label = features.label.data_ptr<int64_t>();
  map.label.assign(label, label + features.label.numel());
  map.place = features.places;
  map.thumbnails = sprite_sheet(pictures, kThumbnailBytes);
  return map;
}

}  // namespace nearfar
