// Rows of batches.
#include "framework/data/view_rows.h"

#include <algorithm>
#include <iterator>
#include <stdexcept>

#include "augment/random.h"
#include "framework/data/draw_views.h"

namespace nearfar {
namespace {

// With the largest max_bad_fraction that makes sense, a half, all of these fail once in 2^64
// images.
constexpr int kMostReplacements = 64;

/// Copies the part of the image that the views need.
void cut_window(const Image& image, const Box& box, UnrenderedRow& row) {
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
}

bool is_true_everywhere(const std::vector<bool>& values) {
  return std::find(values.begin(), values.end(), false) == values.end();
}

}  // namespace

/// The views of one row, drawn when the size of its image is known.
struct ViewRows::Draws {
  const ViewRows& rows;
  int64_t epoch;
  int64_t item;
  bool shuffled;  // which of the views are made
  std::vector<View>& views;

  void draw_for(int height, int width) const {
    draw_views(rows.policies_, rows.seed_, epoch, item, {height, width}, views);
  }

  /// The smallest window that holds the views that are made.
  Box window() const {
    if (rows.shuffled_views_.empty()) return union_of_crops(views);
    std::vector<View> made;
    for (size_t v = 0; v < views.size(); ++v) {
      if (rows.is_shuffled(v) == shuffled) made.push_back(views[v]);
    }
    return union_of_crops(made);
  }
};

ViewRows::ViewRows(std::shared_ptr<const Dataset> dataset, std::vector<ViewPolicy> policies,
                   const LoaderPlan& plan)
    : dataset_(std::move(dataset)),
      policies_(std::move(policies)),
      shuffled_views_(plan.shuffled_views),
      seed_(plan.seed),
      skip_bad_images_(plan.skip_bad_images),
      render_(plan.render) {
  if (policies_.empty() || policies_.size() > 256) {
    throw std::invalid_argument("ViewLoader: expected 1 to 256 views, got " +
                                std::to_string(policies_.size()));
  }
  if (!shuffled_views_.empty() &&
      (shuffled_views_.size() != policies_.size() || is_true_everywhere(shuffled_views_))) {
    throw std::invalid_argument(
        "ViewLoader: expected shuffled_views to name " + std::to_string(policies_.size()) +
        " views, one of them not shuffled, got " + std::to_string(shuffled_views_.size()));
  }
  targets_ =
      targets_of(policies_, plan.normalize, plan.batch / plan.ranks, dataset_->info().channels);
  for (RenderTarget& target : targets_) target.past_caches |= plan.past_caches;
}

Image ViewRows::read(const Draws& draws, PixelBuffer& storage, RowOutcome& outcome) const {
  const int64_t wanted = outcome.index;
  const WindowChoice choose = [&draws](int height, int width) {
    draws.draw_for(height, width);
    return draws.window();
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

RowOutcome ViewRows::make_views(bool shuffled, int64_t epoch, int64_t item, int64_t row,
                                ViewBatch& batch, RowScratch& scratch) const {
  RowOutcome outcome{item % dataset_->info().size, {}};
  const Draws draws{*this, epoch, item, shuffled, scratch.views};
  const Image image = read(draws, scratch.pixels, outcome);
  if (!render_) {
    UnrenderedRow& unrendered = (shuffled ? batch.shuffled_rows : batch.rows)[row];
    cut_window(image, draws.window(), unrendered);
    unrendered.views = scratch.views;
    return outcome;
  }
  for (size_t v = 0; v < policies_.size(); ++v) {
    if (is_shuffled(v) != shuffled) continue;
    const Size size = targets_[v].size;
    const int64_t floats = int64_t{size.height} * size.width * image.channels;
    render_view(image, scratch.views[v], targets_[v], scratch.render,
                batch.views[v].data() + row * floats);
  }
  return outcome;
}

RowOutcome ViewRows::make(int64_t epoch, int64_t item, int64_t row, ViewBatch& batch,
                          RowScratch& scratch) const {
  return make_views(/*shuffled=*/false, epoch, item, row, batch, scratch);
}

void ViewRows::make_shuffled(int64_t epoch, int64_t item, int64_t row, ViewBatch& batch,
                             RowOutcome& outcome, RowScratch& scratch) const {
  RowOutcome other = make_views(/*shuffled=*/true, epoch, item, row, batch, scratch);
  std::move(other.skipped.begin(), other.skipped.end(), std::back_inserter(outcome.skipped));
}

}  // namespace nearfar
