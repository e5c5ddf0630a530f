// Timing of drawing and rendering.
#include "framework/data/view_speed.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <future>
#include <stdexcept>
#include <string>
#include <system_error>

#include "framework/data/contact_sheet.h"
#include "framework/data/draw_views.h"

namespace nearfar {
namespace {

constexpr int64_t kMostBatchBytes = int64_t{1} << 29;
constexpr int64_t kMostRows = 64;
constexpr int64_t kMostDrawn = 256;

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

/// One thread's work: images in turn, rendered into rows of its own. The rows of all threads stand
/// for the batch that they would fill together.
class Bench {
 public:
  Bench(std::span<const Image> images, const std::vector<ViewPolicy>& policies, int threads)
      : images_(images), policies_(policies) {
    for (const ViewPolicy& policy : policies) {
      row_floats_ += policy.size * policy.size * images.front().channels;
    }
    const int64_t fitting = kMostBatchBytes / std::max(1, threads) /
                            (row_floats_ * static_cast<int64_t>(sizeof(float)));
    rows_ = std::clamp<int64_t>(fitting, 1, kMostRows);
    targets_ = targets_of(policies, Normalize{}, rows_ * threads, images.front().channels);
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

  /// Items from `first` on that are done at a time of steady_now(), at least one.
  int64_t run_until(int64_t first, double end) {
    int64_t count = 0;
    do {
      run(first + count++, 1);
    } while (steady_now() < end);
    return count;
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

/// Seconds for drawing and for rendering with some parts, over the same items.
struct StageSums {
  double draw = 0.0;
  std::array<double, 3> render{};  // by Parts
};

/// Adds the times of a few items. `turn` tells which rendering comes first: the first one finds the
/// caches as drawing left them, the others as a rendering did.
void add_stages(Bench& bench, int64_t first, int64_t count, int64_t turn, StageSums& sums) {
  std::vector<std::vector<View>> views;
  double start = steady_now();
  const auto lap = [&start](double& sum) {
    const double now = steady_now();
    sum += now - start;
    start = now;
  };
  for (int64_t i = 0; i < count; ++i) views.push_back(bench.draw_item(first + i));
  lap(sums.draw);
  for (size_t pass = 0; pass < sums.render.size(); ++pass) {
    const size_t parts = (pass + static_cast<size_t>(turn)) % sums.render.size();
    for (int64_t i = 0; i < count; ++i) {
      bench.render_item(first + i, views[static_cast<size_t>(i)], static_cast<Parts>(parts));
    }
    lap(sums.render[parts]);
  }
}

/// The stages' seconds an item, over `count` items of which a few at a time are drawn and kept.
std::array<double, 4> time_stages(Bench& bench, int64_t first, int64_t count, int64_t turn) {
  StageSums sums;
  for (int64_t done = 0; done < count; done += kMostDrawn, ++turn) {
    add_stages(bench, first + done, std::min(kMostDrawn, count - done), turn, sums);
  }
  const auto [crop, color, all] = sums.render;
  const auto items = static_cast<double>(count);
  return {sums.draw / items, crop / items, std::max(0.0, color - crop) / items,
          std::max(0.0, all - color) / items};
}

/// Images per second of all threads together, in about `seconds`.
double time_threads(std::vector<Bench>& benches, double seconds) {
  const double start = steady_now();
  std::vector<std::future<int64_t>> threads;
  try {
    for (size_t t = 0; t < benches.size(); ++t) {
      threads.push_back(std::async(std::launch::async, [&bench = benches[t], t, start, seconds] {
        // Threads draw other items, however many each of them does.
        return bench.run_until(static_cast<int64_t>(t) << 32, start + seconds);
      }));
    }
  } catch (const std::system_error& refused) {
    throw EnvironmentError("bench: expected " + std::to_string(benches.size()) +
                           " threads, could start " + std::to_string(threads.size()) + ": " +
                           refused.what());
  }
  int64_t count = 0;
  for (std::future<int64_t>& thread : threads) count += thread.get();
  return static_cast<double>(count) / (steady_now() - start);
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
  const double slice = plan.seconds / plan.rounds / 5.0;
  const auto count = std::max<int64_t>(1, std::llround(slice / std::max(once, 1e-7)));
  std::vector<double> one, all;
  std::vector<std::vector<double>> seconds(4);
  for (int round = 0; round < plan.rounds; ++round) {
    const auto stages = time_stages(benches.front(), round * count, count, round);
    one.push_back(static_cast<double>(count) / benches.front().run(round * count, count));
    all.push_back(time_threads(benches, slice));
    for (size_t i = 0; i < seconds.size(); ++i) seconds[i].push_back(stages[i]);
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
