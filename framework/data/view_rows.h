// Makes one row of a batch: reads an image, or its replacement, draws and renders its views.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "framework/data/loader.h"

namespace nearfar {

/// Working memory of one worker thread.
struct RowScratch {
  PixelBuffer pixels;
  std::vector<View> views;
  RenderScratch render;
};

/// What became of one row.
struct RowOutcome {
  int64_t index = 0;  // the image that is seen, a replacement's where one was needed
  std::vector<SkippedImage> skipped;  // unreadable images met on the way
};

/// A pure function of (plan, epoch, image): no state, used by all workers at once.
class ViewRows {
 public:
  /// Throws std::invalid_argument for no views or more than 256, and where all are shuffled.
  ViewRows(std::shared_ptr<const Dataset> dataset, std::vector<ViewPolicy> policies,
           const LoaderPlan& plan);

  const std::vector<RenderTarget>& targets() const { return targets_; }
  const Dataset& dataset() const { return *dataset_; }
  /// By view; empty where none is shuffled.
  const std::vector<bool>& shuffled_views() const { return shuffled_views_; }

  /// Renders all views of image `item` % size but the shuffled ones into row `row` of batch.views,
  /// or makes batch.rows[row] ready for it; the views are drawn by `item`. Throws BadImage where
  /// images must be readable, DataError where no replacement is.
  RowOutcome make(int64_t epoch, int64_t item, int64_t row, ViewBatch& batch,
                  RowScratch& scratch) const;
  /// The same for the shuffled views of another item, and for batch.shuffled_rows; adds the
  /// unreadable images to the outcome of make().
  void make_shuffled(int64_t epoch, int64_t item, int64_t row, ViewBatch& batch,
                     RowOutcome& outcome, RowScratch& scratch) const;

 private:
  struct Draws;
  Image read(const Draws& draws, PixelBuffer& storage, RowOutcome& outcome) const;
  bool is_shuffled(size_t view) const { return !shuffled_views_.empty() && shuffled_views_[view]; }
  RowOutcome make_views(bool shuffled, int64_t epoch, int64_t item, int64_t row, ViewBatch& batch,
                        RowScratch& scratch) const;

  std::shared_ptr<const Dataset> dataset_;
  std::vector<ViewPolicy> policies_;
  std::vector<bool> shuffled_views_;
  std::vector<RenderTarget> targets_;
  uint64_t seed_;
  bool skip_bad_images_;
  bool render_;
};

}  // namespace nearfar
