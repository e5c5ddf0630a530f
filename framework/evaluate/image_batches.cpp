// Reads and renders a data set in order, one batch ahead of whoever consumes it.
#include "framework/evaluate/image_batches.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <future>
#include <limits>
#include <mutex>
#include <thread>

namespace nearfar {
namespace {

/// Keeps the error of the lowest image, so that the message does not depend on which thread was
/// faster.
class FirstError {
 public:
  void keep(int64_t index) {
    const std::lock_guard lock(mutex_);
    if (index >= index_) return;
    index_ = index;
    error_ = std::current_exception();
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::mutex mutex_;
  int64_t index_ = std::numeric_limits<int64_t>::max();
  std::exception_ptr error_;
};

class BatchReader {
 public:
  BatchReader(const Dataset& dataset, const BatchPlan& plan)
      : dataset_(dataset),
        plan_(plan),
        image_floats_(int64_t{plan.target.size.height} * plan.target.size.width *
                      dataset.info().channels),
        storage_(plan.workers),
        scratch_(plan.workers) {}

  std::vector<float> read(int64_t first, int64_t count) {
    std::vector<float> pixels(count * image_floats_);
    std::atomic<int64_t> next{0};
    FirstError error;
    const auto work = [&](int worker) {
      for (int64_t i = next++; i < count; i = next++) {
        try {
          render_or_note(first + i, worker, pixels.data() + i * image_floats_);
        } catch (...) {
          error.keep(first + i);
        }
      }
    };
    {
      std::vector<std::jthread> helpers;
      for (int worker = 1; worker < plan_.workers; ++worker) helpers.emplace_back(work, worker);
      work(0);
    }
    error.rethrow();
    return pixels;
  }

 private:
  void render_or_note(int64_t index, int worker, float* out) {
    try {
      render_image(index, worker, out);
    } catch (const BadImage& bad) {
      if (plan_.bad == nullptr) throw;
      const std::lock_guard lock(bad_mutex_);
      plan_.bad->emplace(index, bad.what());
    }
  }

  void render_image(int64_t index, int worker, float* out) {
    const Image image = dataset_.read_window(index, storage_[worker], plan_.crop);
    View view;
    view.crop = plan_.crop(image.full_height, image.full_width);
    render_view(image, view, plan_.target, scratch_[worker], out);
  }

  const Dataset& dataset_;
  const BatchPlan& plan_;
  int64_t image_floats_;
  std::vector<PixelBuffer> storage_;
  std::vector<RenderScratch> scratch_;
  std::mutex bad_mutex_;
};

}  // namespace

void for_each_batch(const Dataset& dataset, const BatchPlan& plan, const BatchConsumer& consume) {
  BatchReader reader(dataset, plan);
  const int64_t size = dataset.info().size;
  const auto start = [&](int64_t first) {
    return std::async(std::launch::async, [&reader, &plan, size, first] {
      return reader.read(first, std::min(plan.batch, size - first));
    });
  };
  std::future<std::vector<float>> ahead;
  if (size > 0) ahead = start(0);
  for (int64_t first = 0; first < size; first += plan.batch) {
    std::vector<float> pixels = ahead.get();
    if (first + plan.batch < size) ahead = start(first + plan.batch);
    consume(first, std::min(plan.batch, size - first), pixels);
  }
}

}  // namespace nearfar
