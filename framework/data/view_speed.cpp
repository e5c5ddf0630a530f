// Timing of drawing and rendering.
#include "framework/data/view_speed.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <thread>

#include "framework/data/contact_sheet.h"
#include "framework/data/draw_views.h"

namespace nearfar {
namespace {

constexpr int64_t kMostBatchBytes = int64_t{1} << 29;
constexpr int64_t kMostRows = 64;

enum class Parts { crop, crop_and_color, all };

View reduced(View view, Parts parts) {
  if (parts != Parts::all) view.blur_kernel = 0;
  if (parts == Parts::crop) {
    view.jitter_count = 0;
    view.grayscale = false;
    view.solarize = false;
  }
  return view;
}

/// One thread's work: images in turn, rendered into the rows of a batch of its own.
class Bench {
 public:
  Bench(std::span<const Image> images, const std::vector<ViewPolicy>& policies, int threads)
      : images_(images), policies_(policies) {
    for (const ViewPolicy& policy : policies) {
      targets_.push_back(target_of(policy, Normalize{}));
      row_floats_ += policy.size * policy.size * images.front().channels;
    }
    const int64_t fitting = kMostBatchBytes / std::max(1, threads) /
                            (row_floats_ * static_cast<int64_t>(sizeof(float)));
    rows_ = std::clamp<int64_t>(fitting, 1, kMostRows);
    batch_.resize(static_cast<size_t>(rows_ * row_floats_));
  }

  /// The views of item `item`: another draw of an image at each.
  std::vector<View> draw_item(int64_t item) const {
    const Image& image = image_of(item);
    std::vector<View> views;
    draw_views(policies_, 0, 0, item, {image.full_height, image.full_width}, views);
    return views;
  }

  void render_item(int64_t item, const std::vector<View>& views, Parts parts) {
    float* out = batch_.data() + item % rows_ * row_floats_;
    for (size_t v = 0; v < views.size(); ++v) {
      render_view(image_of(item), reduced(views[v], parts), targets_[v], scratch_, out);
      out += policies_[v].size * policies_[v].size * images_.front().channels;
    }
  }

  /// Seconds for `count` items from `first`, drawing included.
  double run(int64_t first, int64_t count) {
    const double start = steady_now();
    for (int64_t i = first; i < first + count; ++i) render_item(i, draw_item(i), Parts::all);
    return steady_now() - start;
  }

 private:
  const Image& image_of(int64_t item) const {
    return images_[static_cast<size_t>(item) % images_.size()];
  }

  std::span<const Image> images_;
  const std::vector<ViewPolicy>& policies_;
  std::vector<RenderTarget> targets_;
  int64_t row_floats_ = 0;
  int64_t rows_ = 1;
  std::vector<float> batch_;
  RenderScratch scratch_;
};

/// Seconds an item for drawing and for rendering with some parts, over the same items.
struct RoundTimes {
  double draw = 0.0, crop = 0.0, color = 0.0, all = 0.0;
};

RoundTimes time_stages(Bench& bench, int64_t first, int64_t count) {
  std::vector<std::vector<View>> views;
  double start = steady_now();
  for (int64_t i = 0; i < count; ++i) views.push_back(bench.draw_item(first + i));
  const auto lap = [&start, count] {
    const double now = steady_now();
    const double each = (now - start) / static_cast<double>(count);
    start = now;
    return each;
  };
  RoundTimes times;
  times.draw = lap();
  const auto render_all = [&](Parts parts) {
    for (int64_t i = 0; i < count; ++i) {
      bench.render_item(first + i, views[static_cast<size_t>(i)], parts);
    }
    return lap();
  };
  times.crop = render_all(Parts::crop);
  times.color = render_all(Parts::crop_and_color);
  times.all = render_all(Parts::all);
  return times;
}

/// Images per second of all threads together, each with `count` items.
double time_threads(std::vector<Bench>& benches, int64_t count) {
  std::vector<std::thread> threads;
  const double start = steady_now();
  for (size_t t = 0; t < benches.size(); ++t) {
    threads.emplace_back([&, t] { benches[t].run(static_cast<int64_t>(t) * count, count); });
  }
  for (std::thread& thread : threads) thread.join();
  return static_cast<double>(count) * static_cast<double>(benches.size()) / (steady_now() - start);
}

}  // namespace

ViewSpeed measure_views(std::span<const Image> images, const std::vector<ViewPolicy>& policies,
                        const BenchmarkPlan& plan, const Tick& tick) {
  if (images.empty() || policies.empty()) {
    throw std::invalid_argument("measure_views: expected images and policies");
  }
  std::vector<Bench> benches;
  for (int t = 0; t < plan.threads; ++t) benches.emplace_back(images, policies, plan.threads);
  for (Bench& bench : benches) bench.run(0, 1);  // memory is touched, caches are warm
  const double once = benches.front().run(0, 2) / 2.0;
  // A round has about five passes over its items: three renderings, one with drawing, all threads.
  const auto count =
      std::max<int64_t>(1, std::llround(plan.seconds / plan.rounds / 5.0 / std::max(once, 1e-7)));
  std::vector<double> one, all;
  std::vector<std::vector<double>> seconds(4);
  for (int round = 0; round < plan.rounds; ++round) {
    const RoundTimes times = time_stages(benches.front(), round * count, count);
    one.push_back(static_cast<double>(count) / benches.front().run(round * count, count));
    all.push_back(time_threads(benches, count));
    seconds[0].push_back(times.draw);
    seconds[1].push_back(times.crop);
    seconds[2].push_back(std::max(0.0, times.color - times.crop));
    seconds[3].push_back(std::max(0.0, times.all - times.color));
    tick((round + 1.0) / plan.rounds);
  }
  return {spread_of(one), spread_of(all),
          stage_times({"draw", "crop and resize", "colour", "blur"}, seconds)};
}

ImageSample::ImageSample(const Dataset& dataset, int64_t count, int64_t most_bytes) {
  int64_t bytes = 0;
  std::string problem = "the set is empty";
  for (const int64_t index : spread_indices(dataset.info().size, count)) {
    if (bytes >= most_bytes) break;
    PixelBuffer storage;
    try {
      const Image image = dataset.read(index, storage);
      bytes += int64_t{image.height} * image.width * image.channels;
      images_.push_back(image);
      storage_.push_back(std::move(storage));
    } catch (const BadImage& bad) {
      problem = bad.what();
    }
  }
  if (images_.empty()) throw DataError(dataset.info().path + ": no image can be read: " + problem);
}

}  // namespace nearfar
