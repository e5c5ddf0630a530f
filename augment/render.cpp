// Renders views on the CPU: checks what was asked, then runs the stages in their fixed order.
#include "augment/render.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <stdexcept>
#include <string>
#include <vector>

#include "augment/render_rows.h"
#include "augment/view_error.h"

namespace nearfar {
namespace {

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
  check_views("render", images, views, target);
  if (views.empty()) return;
  const size_t view_values =
      static_cast<size_t>(target.size.height) * target.size.width * images[0].channels;
  RenderTarget batch = target;
  batch.past_caches |= larger_than_caches(views.size() * view_values * sizeof(Value));
  // Neighbours are often the two views of an image, which is then still in the thread's cache;
  // longer runs would leave threads waiting for the last one.
  constexpr size_t kRun = 2;
  std::atomic<size_t> next{0};
  const auto work = [&] {
    RenderScratch scratch;
    for (size_t begin = next.fetch_add(kRun); begin < views.size(); begin = next.fetch_add(kRun)) {
      for (size_t i = begin; i < std::min(begin + kRun, views.size()); ++i) {
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
