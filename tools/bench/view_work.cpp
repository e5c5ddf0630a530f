// The timed work of bench_views.
#include "tools/bench/view_work.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <fstream>

#include "framework/data/folder.h"
#include "framework/data/loader.h"
#include "framework/error.h"

namespace nearfar {
namespace {

constexpr uint64_t kSeed = 1;
constexpr int64_t kMaxPixels = int64_t{1} << 26;

size_t values_of(const RenderTarget& target) {
  return static_cast<size_t>(target.size.height) * target.size.width * 3;
}

void write_file(const std::string& path, const void* bytes, size_t size) {
  std::ofstream file(path, std::ios::binary);
  file.write(static_cast<const char*>(bytes), static_cast<std::streamsize>(size));
  file.close();
  if (!file) throw DataError(path + ": cannot be written");
}

template <typename Value>
void write_views_as(const DrawnViews& drawn, const RenderTarget& target, const std::string& path) {
  std::vector<Value> out(drawn.views.size() * values_of(target));
  render(drawn.images, drawn.views, target, 1, out.data());
  write_file(path, out.data(), out.size() * sizeof(Value));
}

template <typename Value>
WorkTime time_views_as(const PixelSet& pixels, const ViewTask& task, int threads) {
  const RenderTarget target = task.target();
  std::vector<Value> out(static_cast<size_t>(2 * task.count) * values_of(target));
  const auto render_epoch = [&](int64_t epoch) {
    const DrawnViews drawn = draw_views(pixels, task, epoch);
    render(drawn.images, drawn.views, target, threads, out.data());
  };
  WorkTime time;
  time.processor = processor_seconds_of([&] {
    time.wall = wall_seconds_of([&] {
      for (int64_t i = 0; i < task.epochs; ++i) render_epoch(task.epoch + i);
    });
  });
  return time;
}

}  // namespace

double processor_seconds_of(const std::function<void()>& work) {
  const std::clock_t begin = std::clock();
  work();
  return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

double wall_seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

Image PixelSet::image(int64_t index) const {
  const size_t size = static_cast<size_t>(height) * width * 3;
  return whole_image(bytes.data() + static_cast<size_t>(index) * size, height, width, 3);
}

PixelSet read_pixels(const std::string& path, int count, int height, int width) {
  PixelSet pixels{{}, count, height, width};
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) throw DataError(path + ": cannot be read");
  const auto found = static_cast<int64_t>(file.tellg());
  const int64_t expected = int64_t{count} * height * width * 3;
  if (count < 1 || height < 1 || width < 1 || found != expected) {
    throw DataError(path + ": expected " + std::to_string(expected) + " bytes, found " +
                    std::to_string(found));
  }
  pixels.bytes.resize(static_cast<size_t>(expected));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(pixels.bytes.data()), expected);
  if (!file) throw DataError(path + ": cannot be read");
  return pixels;
}

RenderTarget ViewTask::target() const {
  const auto side = static_cast<int>(policy.size);
  return {{side, side}, Interpolation::bilinear, normalize};
}

DrawnViews draw_views(const PixelSet& pixels, const ViewTask& task, int64_t epoch) {
  DrawnViews drawn;
  for (int64_t i = task.first; i < task.first + task.count; ++i) {
    const Image image = pixels.image(i);
    for (uint8_t v = 0; v < 2; ++v) {
      Random random(kSeed, static_cast<uint64_t>(epoch), static_cast<uint64_t>(i), Purpose::view,
                    v);
      drawn.images.push_back(image);
      drawn.views.push_back(draw(task.policy, image.height, image.width, random));
    }
  }
  return drawn;
}

WorkTime time_views(const PixelSet& pixels, const ViewTask& task, Output output, int threads) {
  return output == Output::bfloat16 ? time_views_as<Bfloat16>(pixels, task, threads)
                                    : time_views_as<float>(pixels, task, threads);
}

void write_views(const DrawnViews& drawn, const RenderTarget& target, Output output,
                 const std::string& path) {
  const auto write = output == Output::bfloat16 ? write_views_as<Bfloat16> : write_views_as<float>;
  write(drawn, target, path);
}

double time_folder(const std::string& folder, const ViewTask& task) {
  Log log;
  const std::shared_ptr<const Dataset> data = open_folder(folder, "files", kMaxPixels, log).train;
  LoaderPlan plan;
  plan.seed = kSeed;
  plan.batch = task.count;
  plan.normalize = task.normalize;
  ViewLoader loader(data, {task.policy, task.policy}, plan, log);
  const int64_t size = data->info().size;
  return processor_seconds_of([&] {
    for (int64_t epoch = task.epoch; epoch < task.epoch + task.epochs; ++epoch) {
      loader.begin_epoch(epoch, epoch_order(kSeed, epoch, size));
      const int64_t steps = steps_per_epoch(size, plan.batch, plan.drop_last);
      for (int64_t step = 0; step < steps; ++step) loader.recycle(loader.next());
    }
  });
}

double time_decoding(const std::string& folder) {
  Log log;
  const std::shared_ptr<const Dataset> data = open_folder(folder, "files", kMaxPixels, log).train;
  PixelBuffer storage;
  return processor_seconds_of([&] {
    for (int64_t i = 0; i < data->info().size; ++i) data->read(i, storage);
  });
}

}  // namespace nearfar
