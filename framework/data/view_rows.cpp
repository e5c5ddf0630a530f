// Rows of batches.
#include "framework/data/view_rows.h"

#include <stdexcept>

#include "augment/random.h"
#include "framework/data/draw_views.h"

namespace nearfar {
namespace {

// With the largest max_bad_fraction that makes sense, a half, all of these fail once in 2^64
// images.
constexpr int kMostReplacements = 64;

}  // namespace

/// The views of one row, drawn when the size of its image is known.
struct ViewRows::Draws {
  const ViewRows& rows;
  int64_t epoch;
  int64_t index;
  std::vector<View>& views;

  void draw_for(int height, int width) const {
    draw_views(rows.policies_, rows.seed_, epoch, index, {height, width}, views);
  }
};

ViewRows::ViewRows(std::shared_ptr<const Dataset> dataset, std::vector<ViewPolicy> policies,
                   const LoaderPlan& plan)
    : dataset_(std::move(dataset)),
      policies_(std::move(policies)),
      seed_(plan.seed),
      skip_bad_images_(plan.skip_bad_images) {
  if (policies_.empty() || policies_.size() > 256) {
    throw std::invalid_argument("ViewLoader: expected 1 to 256 views, got " +
                                std::to_string(policies_.size()));
  }
  for (const ViewPolicy& policy : policies_) {
    targets_.push_back(target_of(policy, plan.normalize));
    sizes_.push_back(targets_.back().size);
  }
  int64_t pixels = 0;
  for (const Size& size : sizes_) pixels += int64_t{size.height} * size.width;
  const auto floats =
      static_cast<size_t>(plan.batch / plan.ranks * pixels * dataset_->info().channels);
  for (RenderTarget& target : targets_) {
    target.past_caches = larger_than_caches(floats * sizeof(float));
  }
}

Image ViewRows::read(const Draws& draws, PixelBuffer& storage, RowOutcome& outcome) const {
  const int64_t wanted = outcome.index;
  const WindowChoice choose = [&draws](int height, int width) {
    draws.draw_for(height, width);
    return union_of_crops(draws.views);
  };
  Random random(seed_, static_cast<uint64_t>(draws.epoch), static_cast<uint64_t>(wanted),
                Purpose::replacement);
  for (int attempt = 0; attempt <= kMostReplacements; ++attempt) {
    try {
      draws.views.clear();
      const Image image = dataset_->read_window(outcome.index, storage, choose);
      if (draws.views.empty()) draws.draw_for(image.full_height, image.full_width);
      return image;
    } catch (const BadImage& bad) {
      if (!skip_bad_images_) throw;
      outcome.skipped.push_back({outcome.index, bad.what()});
    }
    outcome.index = random.below(dataset_->info().size);
  }
  throw DataError(dataset_->place(wanted) + ": unreadable, and so are " +
                  std::to_string(kMostReplacements) +
                  " images drawn to replace it; first: " + outcome.skipped.front().reason);
}

RowOutcome ViewRows::make(int64_t epoch, int64_t index, int64_t row, ViewBatch& batch,
                          RowScratch& scratch) const {
  RowOutcome outcome{index, {}};
  const Image image = read({*this, epoch, index, scratch.views}, scratch.pixels, outcome);
  for (size_t v = 0; v < policies_.size(); ++v) {
    const int64_t floats = int64_t{sizes_[v].height} * sizes_[v].width * image.channels;
    render_view(image, scratch.views[v], targets_[v], scratch.render,
                batch.views[v].data() + row * floats);
  }
  return outcome;
}

}  // namespace nearfar
