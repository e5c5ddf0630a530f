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
constexpr int64_t kLongestOrder = int64_t{1} << 20;

/// Seconds an image, by stage.
struct ImageTimes {
  double read = 0.0, decode = 0.0, draw = 0.0, render = 0.0;
  double sum() const { return read + decode + draw + render; }
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
    for (const ViewPolicy& policy : policies) {
      targets_.push_back(target_of(policy, loader.normalize));
      views_.emplace_back(static_cast<size_t>(policy.size * policy.size * dataset.info().channels));
    }
  }

  bool has_files() const { return has_files_; }

  /// Seconds and bytes a file, for the first files of the order.
  std::pair<double, double> read_files(int64_t count) {
    double bytes = 0.0;
    const double start = steady_now();
    for (int64_t i = 0; i < count; ++i) bytes += static_cast<double>(read_file(index_of(i)));
    return {(steady_now() - start) / static_cast<double>(count),
            bytes / static_cast<double>(count)};
  }

  ImageTimes run(int64_t first, int64_t count) {
    ImageTimes sum;
    int64_t seen = 0;
    for (int64_t i = first; i < first + count; ++i) seen += add_image(index_of(i), sum) ? 1 : 0;
    const auto images = static_cast<double>(std::max<int64_t>(1, seen));
    // Reading a set of files decodes what it reads: the files alone are taken from that.
    return {sum.read / images, std::max(0.0, sum.decode - sum.read) / images, sum.draw / images,
            sum.render / images};
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
    } catch (const BadImage&) {
      if (!loader_.skip_bad_images) throw;
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
std::vector<int64_t> long_order(const LoaderPlan& plan, int64_t size, int64_t images) {
  const std::vector<int64_t> once = epoch_order(plan.seed, 0, size);
  std::vector<int64_t> order;
  while (static_cast<int64_t>(order.size()) < images) {
    order.insert(order.end(), once.begin(), once.end());
  }
  return order;
}

/// Images per second of a new loader, counted from its first batch on for about `seconds`.
double time_loader(const std::shared_ptr<const Dataset>& dataset,
                   const std::vector<ViewPolicy>& policies, const LoaderPlan& plan, double seconds,
                   double expected_rate) {
  Log silent;
  ViewLoader loader(dataset, policies, plan, silent);
  const double wanted = 4.0 * seconds * expected_rate * plan.workers + 8.0 * plan.batch;
  const auto images = static_cast<int64_t>(std::min(wanted, double{kLongestOrder}));
  std::vector<int64_t> order = long_order(plan, dataset->info().size, images);
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

/// The run's loader with batches of about kBatchSeconds of one thread's work, on one rank; it
/// renders, like the stages, also where the run leaves that to a GPU.
LoaderPlan short_batches(LoaderPlan plan, int64_t size, double image_seconds, int workers) {
  plan.batch = std::clamp<int64_t>(std::llround(kBatchSeconds / image_seconds), 1,
                                   std::min(plan.batch, size));
  plan.ranks = 1;
  plan.rank = 0;
  plan.workers = workers;
  plan.render = true;
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
  thread.run(0, 1);
  const double once = std::max(thread.run(0, 4).sum(), 1e-7);
  const double slice = plan.seconds / plan.rounds / 3.0;
  const auto count = std::max<int64_t>(1, std::llround(slice / once));
  const LoaderPlan single = short_batches(loader, size, once, 1);
  const LoaderPlan all = short_batches(loader, size, once, plan.threads);
  std::vector<double> one, many;
  std::vector<std::vector<double>> seconds(4);
  for (int round = 0; round < plan.rounds; ++round) {
    const ImageTimes times = thread.run(round * count, count);
    one.push_back(time_loader(dataset, policies, single, slice, 1.0 / once));
    many.push_back(time_loader(dataset, policies, all, slice, 1.0 / once));
    const double stages[] = {times.read, times.decode, times.draw, times.render};
    for (size_t i = 0; i < seconds.size(); ++i) seconds[i].push_back(stages[i]);
    tick((round + 1.0) / plan.rounds);
  }
  speed.one_worker = spread_of(one);
  speed.all_workers = spread_of(many);
  speed.stages = stage_times({"read", "decode", "draw", "render"}, seconds);
  return speed;
}

}  // namespace nearfar
