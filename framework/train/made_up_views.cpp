// Patterns as views.
#include "framework/train/made_up_views.h"

#include <algorithm>
#include <cmath>

namespace nearfar {

int64_t largest_side(const std::vector<ViewPolicy>& views) {
  int64_t side = 0;
  for (const ViewPolicy& view : views) side = std::max(side, view.size);
  return side;
}

ViewBatch make_up_views(const std::vector<ViewPolicy>& views, const DatasetInfo& data,
                        const Shard& piece, int64_t side) {
  const int64_t largest = largest_side(views);
  const auto classes = static_cast<int64_t>(data.class_names.size());
  ViewBatch batch;
  batch.shard = piece;
  batch.channels = data.channels;
  for (int64_t row = piece.begin; row < piece.end; ++row) {
    batch.index.push_back(row % std::max<int64_t>(data.size, 1));
    batch.label.push_back(classes == 0 ? -1 : row % classes);
  }
  batch.target.assign(static_cast<size_t>(piece.size()) * data.targets.size(), 0.5f);
  for (const ViewPolicy& view : views) {
    const int64_t height = std::max<int64_t>(1, view.size * side / largest);
    RenderTarget target;
    target.size.height = target.size.width = static_cast<int>(height);
    batch.targets.push_back(target);
    std::vector<float>& pixels = batch.views.emplace_back();
    pixels.resize(static_cast<size_t>(piece.size() * height * height * data.channels));
    // An angle that is no fraction of a turn: the pattern does not repeat.
    constexpr double kAngle = 0.37;
    for (size_t i = 0; i < pixels.size(); ++i) {
      pixels[i] = static_cast<float>(std::sin(kAngle * static_cast<double>(i)));
    }
  }
  return batch;
}

}  // namespace nearfar
