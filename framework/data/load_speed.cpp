// Timing of reading, decoding, drawing, rendering and of the loader.
#include "framework/data/load_speed.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <system_error>
#include <tuple>
#include <utility>

#include "framework/data/decode.h"
#include "framework/data/draw_views.h"

namespace nearfar {
namespace {

constexpr int64_t kFirstReads = 64;
constexpr double kBatchSeconds = 0.02;
constexpr double kMostTrialSeconds = 0.05;
constexpr int64_t kLongOrder = int64_t{1} << 20;
// As the loader gives up on replacements.
constexpr int64_t kMostUnreadable = 64;

/// Seconds an image, by stage; `all` with what unreadable images took on the way.
struct ImageTimes {
  double read = 0.0, decode = 0.0, draw = 0.0, render = 0.0;
  double all = 0.0;
};

/// The images of a set in the order of an epoch, over and over, one after the other on this thread.
class OneThread {
 public:
  OneThread(const Dataset& dataset, const std::vector<ViewPolicy>& policies,
            const LoaderPlan& loader)
      : dataset_(dataset), policies_(policies), loader_(loader) {
    order_ = epoch_order(loader.seed, 0, dataset.info().size);
    std::error_code unknown;
    has_files_ = std::filesystem::is_regular_file(dataset.place(order_.front()), unknown);
    targets_ = targets_of(policies, loader.normalize, loader.batch / loader.ranks,
                          dataset.info().channels);
    for (const ViewPolicy& policy : policies) {
      views_.emplace_back(static_cast<size_t>(policy.size * policy.size * dataset.info().channels));
    }
  }

  bool has_files() const { return has_files_; }

  /// Whether the run writes its views past the caches.
  bool past_caches() const { return targets_.front().past_caches; }

  /// Seconds and bytes a file, for the first files of the order.
  std::pair<double, double> read_files(int64_t count) {
    double bytes = 0.0;
    const double start = steady_now();
    for (int64_t i = 0; i < count; ++i) bytes += static_cast<double>(read_file(index_of(i)));
    return {(steady_now() - start) / static_cast<double>(count),
            bytes / static_cast<double>(count)};
  }

  /// Goes on in the order for so many seconds, and beyond them only until an image could be read.
  /// Throws DataError where none of many can.
  ImageTimes run(double seconds) {
    ImageTimes sum;
    int64_t seen = 0, tried = 0;
    const double start = steady_now();
    for (double now = start; seen == 0 || now - start < seconds; now = steady_now()) {
      seen += add_image(index_of(next_++), sum) ? 1 : 0;
      if (++tried > kMostUnreadable && seen == 0) {
        throw DataError(dataset_.info().path + ": none of " + std::to_string(tried) +
                        " images in a row can be read; last: " + problem_);
      }
    }
    const auto images = static_cast<double>(seen);
    // Reading a set of files decodes what it reads: the files alone are taken from that.
    return {sum.read / images, std::max(0.0, sum.decode - sum.read) / images, sum.draw / images,
            sum.render / images, (steady_now() - start) / images};
  }

 private:
  int64_t index_of(int64_t item) const {
    return order_[static_cast<size_t>(item % static_cast<int64_t>(order_.size()))];
  }

  /// Bytes of the file; an unreadable one has none.
  size_t read_file(int64_t index) {
    try {
      return read_image_file(dataset_.place(index), file_).size();
    } catch (const BadImage&) {
      return 0;
    }
  }

  bool add_image(int64_t index, ImageTimes& sum) {
    try {
      const double start = steady_now();
      if (has_files_) read_file(index);
      const double read = steady_now();
      const Image image = decode_and_draw(index, sum);
      sum.read += read - start;
      for (size_t v = 0; v < drawn_.size(); ++v) {
        render_view(image, drawn_[v], targets_[v], scratch_, views_[v].data());
      }
      sum.render += steady_now() - read_end_;
      return true;
    } catch (const BadImage& bad) {
      if (!loader_.skip_bad_images) throw;
      problem_ = bad.what();
      return false;
    }
  }

  /// Views are drawn when the size is known, as the loader does, so that only what they need is
  /// decoded.
  Image decode_and_draw(int64_t index, ImageTimes& sum) {
    double drawing = 0.0;
    const auto draw_for = [&](int height, int width) {
      const double start = steady_now();
      draw_views(policies_, loader_.seed, 0, index, {height, width}, drawn_);
      drawing = steady_now() - start;
    };
    drawn_.clear();
    const double start = steady_now();
    const Image image = dataset_.read_window(index, pixels_, [&](int height, int width) {
      draw_for(height, width);
      return union_of_crops(drawn_);
    });
    if (drawn_.empty()) draw_for(image.full_height, image.full_width);
    read_end_ = steady_now();
    sum.draw += drawing;
    sum.decode += read_end_ - start - drawing;
    return image;
  }

  const Dataset& dataset_;
  const std::vector<ViewPolicy>& policies_;
  const LoaderPlan& loader_;
  std::vector<int64_t> order_;
  int64_t next_ = 0;     // in the order
  std::string problem_;  // of the latest unreadable image
  bool has_files_ = false;
  PixelBuffer file_;
  PixelBuffer pixels_;
  std::vector<View> drawn_;
  std::vector<RenderTarget> targets_;
  double read_end_ = 0.0;  // when the latest image was decoded
  RenderScratch scratch_;
  std::vector<std::vector<float>> views_;
};

/// An epoch's order repeated until no measurement comes to its end.
std::vector<int64_t> long_order(const LoaderPlan& plan, int64_t size) {
  const std::vector<int64_t> once = epoch_order(plan.seed, 0, size);
  std::vector<int64_t> order;
  while (static_cast<int64_t>(order.size()) < kLongOrder) {
    order.insert(order.end(), once.begin(), once.end());
  }
  return order;
}

/// Images per second of a new loader, counted from its first batch on for about `seconds`.
double time_loader(const std::shared_ptr<const Dataset>& dataset,
                   const std::vector<ViewPolicy>& policies, const LoaderPlan& plan,
                   double seconds) {
  Log silent;
  ViewLoader loader(dataset, policies, plan, silent);
  std::vector<int64_t> order = long_order(plan, dataset->info().size);
  const int64_t steps = static_cast<int64_t>(order.size()) / plan.batch;
  loader.begin_epoch(0, std::move(order));
  loader.recycle(loader.next());
  const double start = steady_now();
  double now = start;
  int64_t batches = 0;
  while (batches + 1 < steps && (batches == 0 || now - start < seconds)) {
    loader.recycle(loader.next());
    now = steady_now();
    ++batches;
  }
  return static_cast<double>(batches * plan.batch) / (now - start);
}

/// The run's loader on one rank, with batches of about kBatchSeconds of one thread's work. They are
/// written as the run writes its own, which are larger.
LoaderPlan short_batches(LoaderPlan plan, int64_t size, double image_seconds, bool past_caches) {
  plan.batch = std::clamp<int64_t>(std::llround(kBatchSeconds / image_seconds), 1,
                                   std::min(plan.batch, size));
  plan.ranks = 1;
  plan.rank = 0;
  plan.past_caches = past_caches;
  return plan;
}

LoaderPlan with_workers(LoaderPlan plan, int workers, bool render) {
  plan.workers = workers;
  plan.render = render;
  return plan;
}

}  // namespace

LoadSpeed measure_loading(std::shared_ptr<const Dataset> dataset,
                          const std::vector<ViewPolicy>& policies, const LoaderPlan& loader,
                          const BenchmarkPlan& plan, const Tick& tick) {
  const int64_t size = dataset->info().size;
  OneThread thread(*dataset, policies, loader);
  LoadSpeed speed;
  if (thread.has_files()) {
    std::tie(speed.first_read, speed.bytes) = thread.read_files(std::min(kFirstReads, size));
  }
  const double slice = plan.seconds / plan.rounds / 4.0;
  thread.run(0.0);  // memory is touched
  const double once = std::max(thread.run(std::min(slice, kMostTrialSeconds)).all, 1e-7);
  const LoaderPlan run = short_batches(loader, size, once, thread.past_caches());
  std::vector<double> one, all, unrendered;
  std::vector<std::vector<double>> seconds(4);
  for (int round = 0; round < plan.rounds; ++round) {
    const ImageTimes times = thread.run(slice);
    const double stages[] = {times.read, times.decode, times.draw, times.render};
    for (size_t i = 0; i < seconds.size(); ++i) seconds[i].push_back(stages[i]);
    one.push_back(time_loader(dataset, policies, with_workers(run, 1, true), slice));
    all.push_back(time_loader(dataset, policies, with_workers(run, plan.threads, true), slice));
    unrendered.push_back(time_loader(dataset, policies, with_workers(run, 1, false), slice));
    tick((round + 1.0) / plan.rounds);
  }
  speed.one_worker = spread_of(one);
  speed.all_workers = spread_of(all);
  speed.unrendered = spread_of(unrendered);
  speed.stages = stage_times({"read", "decode", "draw", "render"}, seconds);
  return speed;
}

}  // namespace nearfar
