// Feeds training: worker threads decode, draw and render ahead; batches do not depend on their
// number.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "augment/render.h"
#include "augment/view_policy.h"
#include "distributed/shard.h"
#include "framework/data/dataset.h"
#include "framework/log/log.h"

namespace nearfar {

struct LoaderPlan {
  uint64_t seed = 0;
  int64_t batch = 0;  // global batch
  bool drop_last = true;
  int ranks = 1;
  int rank = 0;
  int workers = 1;
  bool skip_bad_images = false;
  double max_bad_fraction = 0.001;
  Normalize normalize;
  std::vector<bool> shuffled_views;  // by view; empty: none. At least one is not
  bool render = true;                // false: batches hold what a GPU renders their views from
  bool past_caches = false;          // write past them also batches that they would hold
};

/// What a GPU renders the views of one row from.
struct UnrenderedRow {
  std::vector<uint8_t> pixels;  // the smallest window of the image that holds all crops
  Image window;                 // where it lies; its own pixels are null
  std::vector<View> views;
};

/// One rank's piece of one global batch, rendered or ready to be.
struct ViewBatch {
  int64_t step_in_epoch = 0;
  Shard shard;                            // which rows of the global batch these are
  std::vector<int64_t> index;             // [n] position in the data set of what is seen
  std::vector<int64_t> label;             // [n], -1 without labels
  std::vector<float> target;              // [n, targets of the data set]
  std::vector<RenderTarget> targets;      // of each view
  std::vector<std::vector<float>> views;  // each [n, size, size, channels]; none unless rendered
  std::vector<UnrenderedRow> rows;        // [n] unless rendered
  int channels = 0;
  // Where views are shuffled: what row i of the global batch shows in them is at row permutation[i]
  // in the others. [total], else empty.
  std::vector<int64_t> permutation;
  std::vector<bool> shuffled_views;          // by view, else empty
  std::vector<UnrenderedRow> shuffled_rows;  // [n] unless rendered, what they are made from
};

/// An unreadable image that another one stood in for.
struct SkippedImage {
  int64_t index = 0;
  std::string reason;
};

/// Number of steps an epoch has. Throws DataError when that is zero (a set smaller than a batch
/// with drop_last), naming both sizes.
int64_t steps_per_epoch(int64_t dataset_size, int64_t batch, bool drop_last);

/// The order of an epoch: a permutation of 0..size-1, a pure function of (seed, epoch).
std::vector<int64_t> epoch_order(uint64_t seed, int64_t epoch, int64_t size);

/// Threads for data.workers: that many, or for 0 as many as there are cores, at most 8.
int resolve_workers(int64_t workers, int cores);

/// Renders batches ahead in worker threads with bounded memory: at most workers + 2 batches are
/// kept. View v of image i is drawn from Random(seed, epoch, i, Purpose::view, v); where an order
/// holds image i for the k-th time, k = 1, 2, ... after the first, from item i + k * size, so that
/// its views differ from those before. An unreadable image i is replaced by the first readable one
/// drawn from Random(seed, epoch, i, Purpose::replacement); index, label and target of the row are
/// the replacement's, its views are drawn like those of i would have been. Shuffled views show the
/// images of the global batch in the order of batch_permutation(), each view of an image as it
/// would be in order; an image is then decoded twice, perhaps on two ranks, and never travels. Used
/// from one thread.
class ViewLoader {
 public:
  /// Throws EnvironmentError where the machine does not start so many workers.
  ViewLoader(std::shared_ptr<const Dataset> dataset, std::vector<ViewPolicy> policies,
             LoaderPlan plan, Log& log);
  ~ViewLoader();
  ViewLoader(const ViewLoader&) = delete;
  ViewLoader& operator=(const ViewLoader&) = delete;

  /// Starts an epoch at a step (after a resume: not 0), in `order` (indices into the data set;
  /// usually epoch_order()). Batches prepared for an earlier epoch are dropped.
  void begin_epoch(int64_t epoch, std::vector<int64_t> order, int64_t first_step = 0);
  /// The next batch of the epoch; waits until it is ready. Rethrows what a worker threw: BadImage
  /// under on_bad_image=stop, DataError above max_bad_fraction. Precondition: the epoch has steps
  /// left.
  ViewBatch next();
  /// Gives a batch's memory back for reuse.
  void recycle(ViewBatch batch);
  /// Images skipped so far, in order of position in the data set.
  std::vector<SkippedImage> skipped() const;
  /// Counts images that were skipped before a restart.
  void restore_skipped(const std::vector<SkippedImage>& images);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace nearfar
