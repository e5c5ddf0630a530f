// What bench_views times: drawing and rendering of views from pixels, and from a folder of files.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "augment/render.h"
#include "augment/view_policy.h"

namespace nearfar {

/// Seconds of processor time, user and system, of all threads of this process during the work:
/// other programs on the same core do not count.
double processor_seconds_of(const std::function<void()>& work);
/// Seconds on the clock during the work.
double wall_seconds_of(const std::function<void()>& work);

/// Images of one size in memory.
struct PixelSet {
  std::vector<uint8_t> bytes;  // [count, height, width, 3]
  int count = 0;
  int height = 0;
  int width = 0;

  Image image(int64_t index) const;
};

/// Reads count * height * width * 3 bytes. Throws DataError for a file of another size.
PixelSet read_pixels(const std::string& path, int count, int height, int width);

/// Two views of each of images first .. first + count - 1 in each of `epochs` epochs from `epoch`
/// on; every epoch draws anew and is one batch.
struct ViewTask {
  ViewPolicy policy;
  Normalize normalize;
  int64_t first = 0;
  int64_t count = 0;
  int64_t epoch = 0;
  int64_t epochs = 1;

  int64_t views() const { return 2 * count * epochs; }
  RenderTarget target() const;
};

/// Drawn views, and the image of each.
struct DrawnViews {
  std::vector<Image> images;
  std::vector<View> views;
};

/// Draws the views of one epoch of the task.
DrawnViews draw_views(const PixelSet& pixels, const ViewTask& task, int64_t epoch);

/// The type of the rendered values.
enum class Output { float32, bfloat16 };

/// What work took, in seconds.
struct WorkTime {
  double wall = 0.0;
  double processor = 0.0;
};

/// Draws the views of each epoch and renders them as one batch by `render` on `threads` threads,
/// into memory that is there already.
WorkTime time_views(const PixelSet& pixels, const ViewTask& task, Output output, int threads);

/// Renders views, by the same `render`, to a file of [views, height, width, 3]. Throws DataError.
void write_views(const DrawnViews& drawn, const RenderTarget& target, Output output,
                 const std::string& path);

/// Processor seconds to hand out `epochs` epochs of two views of every image of a folder, in
/// batches of task.count, with one worker thread.
double time_folder(const std::string& folder, const ViewTask& task);

/// Processor seconds to decode every image of a folder once, whole.
double time_decoding(const std::string& folder);

}  // namespace nearfar
