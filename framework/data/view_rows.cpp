// Rows of batches.
#include "framework/data/view_rows.h"

#include <algorithm>
#include <stdexcept>

#include "augment/random.h"
#include "framework/data/draw_views.h"

namespace nearfar {
namespace {

// With the largest max_bad_fraction that makes sense, a half, all of these fail once in 2^64
// images.
constexpr int kMostReplacements = 64;

/// Copies the part of the image that the views need.
void cut_window(const Image& image, const std::vector<View>& views, UnrenderedRow& row) {
  const Box box = union_of_crops(views);
  const int64_t pitch = int64_t{box.width} * image.channels;
  row.pixels.resize(static_cast<size_t>(box.height * pitch));
  for (int y = 0; y < box.height; ++y) {
    const int64_t from = int64_t{box.top - image.top + y} * image.width + (box.left - image.left);
    std::copy_n(image.pixels + from * image.channels, pitch, row.pixels.data() + y * pitch);
  }
  row.window = image;
  row.window.pixels = nullptr;
  row.window.top = box.top;
  row.window.left = box.left;
  row.window.height = box.height;
  row.window.width = box.width;
  row.views = views;
}

}  // namespace

/// The views of one row, drawn when the size of its image is known.
struct ViewRows::Draws {
  const ViewRows& rows;
  int64_t epoch;
  int64_t item;
  std::vector<View>& views;

  void draw_for(int height, int width) const {
    draw_views(rows.policies_, rows.seed_, epoch, item, {height, width}, views);
  }
};

ViewRows::ViewRows(std::shared_ptr<const Dataset> dataset, std::vector<ViewPolicy> policies,
                   const LoaderPlan& plan)
    : dataset_(std::move(dataset)),
      policies_(std::move(policies)),
      seed_(plan.seed),
      skip_bad_images_(plan.skip_bad_images),
      render_(plan.render) {
  if (policies_.empty() || policies_.size() > 256) {
    throw std::invalid_argument("ViewLoader: expected 1 to 256 views, got " +
                                std::to_string(policies_.size()));
  }
  targets_ =
      targets_of(policies_, plan.normalize, plan.batch / plan.ranks, dataset_->info().channels);
  for (RenderTarget& target : targets_) target.past_caches |= plan.past_caches;
}

Image ViewRows::read(const Draws& draws, PixelBuffer& storage, RowOutcome& outcome) const {
  const int64_t wanted = outcome.index;
  const WindowChoice choose = [&draws](int height, int width) {
    draws.draw_for(height, width);
    return union_of_crops(draws.views);
  };
  Random random(seed_, static_cast<uint64_t>(draws.epoch), static_cast<uint64_t>(draws.item),
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

RowOutcome ViewRows::make(int64_t epoch, int64_t item, int64_t row, ViewBatch& batch,
                          RowScratch& scratch) const {
  RowOutcome outcome{item % dataset_->info().size, {}};
  const Image image = read({*this, epoch, item, scratch.views}, scratch.pixels, outcome);
  if (!render_) {
    cut_window(image, scratch.views, batch.rows[static_cast<size_t>(row)]);
    return outcome;
  }
  for (size_t v = 0; v < policies_.size(); ++v) {
    const Size size = targets_[v].size;
    const int64_t floats = int64_t{size.height} * size.width * image.channels;
    render_view(image, scratch.views[v], targets_[v], scratch.render,
                batch.views[v].data() + row * floats);
  }
  return outcome;
}

}  // namespace nearfar
