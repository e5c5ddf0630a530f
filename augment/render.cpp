// Renders views on the CPU: checks what was asked, then runs the stages in their fixed order.
#include "augment/render.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <future>
#include <stdexcept>
#include <string>
#include <vector>

#include "augment/render_rows.h"

namespace nearfar {
namespace {

std::string text(const Box& box) {
  return "[top " + std::to_string(box.top) + ", left " + std::to_string(box.left) + ", " +
         std::to_string(box.height) + " x " + std::to_string(box.width) + "]";
}

/// The conditions below are in int64: boxes may come from a file.
bool contains(const Box& outer, const Box& inner) {
  const auto end = [](int begin, int length) { return int64_t{begin} + length; };
  return inner.height > 0 && inner.width > 0 && inner.top >= outer.top &&
         inner.left >= outer.left && end(inner.top, inner.height) <= end(outer.top, outer.height) &&
         end(inner.left, inner.width) <= end(outer.left, outer.width);
}

std::string jitter_error(const View& view) {
  if (view.jitter_count < 0 || view.jitter_count > 4)
    return "expected 0 to 4 jitter steps, got " + std::to_string(view.jitter_count);
  for (int i = 0; i < view.jitter_count; ++i) {
    const auto [kind, factor] = view.jitter[i];
    if (kind == Jitter::hue && !(std::abs(factor) <= 0.5))
      return "expected a hue shift in [-0.5, 0.5], got " + std::to_string(factor);
    if (kind != Jitter::hue && !(factor >= 0.0 && std::isfinite(factor)))
      return "expected a jitter factor of at least 0, got " + std::to_string(factor);
  }
  return "";
}

std::string blur_error(const View& view, Size size) {
  if (view.blur_kernel == 0) return "";
  if (view.blur_kernel < 0 || view.blur_kernel % 2 == 0)
    return "expected an odd blur kernel, got " + std::to_string(view.blur_kernel);
  if (view.blur_kernel / 2 >= std::min(size.height, size.width))
    return "expected a blur kernel below twice the size " + std::to_string(size.height) + " x " +
           std::to_string(size.width) + ", got " + std::to_string(view.blur_kernel);
  if (!(view.blur_sigma > 0.0 && std::isfinite(view.blur_sigma)))
    return "expected a blur sigma above 0, got " + std::to_string(view.blur_sigma);
  return "";
}

std::string target_error(const RenderTarget& target) {
  if (target.size.height < 1 || target.size.width < 1)
    return "expected a size of at least 1 x 1, got " + std::to_string(target.size.height) + " x " +
           std::to_string(target.size.width);
  for (const float std : target.normalize.std) {
    if (!(std > 0.0f)) return "expected std above 0, got " + std::to_string(std);
  }
  return "";
}

/// What keeps the view from being rendered, or an empty string.
std::string view_error(const Image& image, const View& view, const RenderTarget& target) {
  if (image.channels != 1 && image.channels != 3)
    return "expected 1 or 3 channels, got " + std::to_string(image.channels);
  const Box window{image.top, image.left, image.height, image.width};
  if (!contains(window, view.crop))
    return "expected a crop inside the decoded window " + text(window) + ", got " + text(view.crop);
  for (const std::string& error :
       {target_error(target), jitter_error(view), blur_error(view, target.size)}) {
    if (!error.empty()) return error;
  }
  return "";
}

void check_batch(std::span<const Image> images, std::span<const View> views,
                 const RenderTarget& target) {
  if (images.size() != views.size())
    throw std::invalid_argument("render: expected as many images as views, got " +
                                std::to_string(images.size()) + " and " +
                                std::to_string(views.size()));
  for (size_t i = 0; i < views.size(); ++i) {
    std::string error = view_error(images[i], views[i], target);
    if (error.empty() && images[i].channels != images[0].channels)
      error = "expected " + std::to_string(images[0].channels) + " channels as in view 0, got " +
              std::to_string(images[i].channels);
    if (!error.empty())
      throw std::invalid_argument("render: view " + std::to_string(i) + ": " + error);
  }
}

template <typename Value>
void render_checked(const Image& image, const View& view, const RenderTarget& target,
                    RenderScratch& scratch, Value* out) {
  const std::string error = view_error(image, view, target);
  if (!error.empty()) throw std::invalid_argument("render_view: " + error);
  render_rows(fastest_kernels(), image, view, target, scratch.buffers(), out);
}

template <typename Value>
void render_batch(std::span<const Image> images, std::span<const View> views,
                  const RenderTarget& target, int threads, Value* out) {
  if (threads < 1)
    throw std::invalid_argument("render: expected at least 1 thread, got " +
                                std::to_string(threads));
  check_batch(images, views, target);
  if (views.empty()) return;
  const size_t view_values =
      static_cast<size_t>(target.size.height) * target.size.width * images[0].channels;
  RenderTarget batch = target;
  batch.past_caches |= larger_than_caches(views.size() * view_values * sizeof(Value));
  // Neighbours are often views of one image, which is then still in the thread's cache.
  const size_t chunk = std::clamp<size_t>(views.size() / (4 * threads), 1, 8);
  std::atomic<size_t> next{0};
  const auto work = [&] {
    RenderScratch scratch;
    for (size_t begin = next.fetch_add(chunk); begin < views.size();
         begin = next.fetch_add(chunk)) {
      for (size_t i = begin; i < std::min(begin + chunk, views.size()); ++i) {
        render_rows(fastest_kernels(), images[i], views[i], batch, scratch.buffers(),
                    out + i * view_values);
      }
    }
  };
  const size_t crew = std::min(static_cast<size_t>(threads), views.size());
  std::vector<std::future<void>> others;
  for (size_t i = 1; i < crew; ++i) others.push_back(std::async(std::launch::async, work));
  work();
  for (auto& other : others) other.get();
}

}  // namespace

RenderScratch::RenderScratch() : buffers_(std::make_unique<Buffers>()) {}
RenderScratch::~RenderScratch() = default;
RenderScratch::RenderScratch(RenderScratch&&) noexcept = default;
RenderScratch& RenderScratch::operator=(RenderScratch&&) noexcept = default;

bool larger_than_caches(size_t bytes) {
  static const long last_level = sysconf(_SC_LEVEL3_CACHE_SIZE);
  constexpr size_t kUsual = size_t{32} << 20;
  return bytes > (last_level > 0 ? static_cast<size_t>(last_level) : kUsual);
}

void render_view(const Image& image, const View& view, const RenderTarget& target,
                 RenderScratch& scratch, float* out) {
  render_checked(image, view, target, scratch, out);
}

void render_view(const Image& image, const View& view, const RenderTarget& target,
                 RenderScratch& scratch, Bfloat16* out) {
  render_checked(image, view, target, scratch, out);
}

void render(std::span<const Image> images, std::span<const View> views, const RenderTarget& target,
            int threads, float* out) {
  render_batch(images, views, target, threads, out);
}

void render(std::span<const Image> images, std::span<const View> views, const RenderTarget& target,
            int threads, Bfloat16* out) {
  render_batch(images, views, target, threads, out);
}

}  // namespace nearfar
