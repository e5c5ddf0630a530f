// Writing past the caches: the only file with intrinsics, chosen for AVX-512.
#include <immintrin.h>

#include "augment/kernels/loops.h"

namespace nearfar::NEARFAR_KERNELS {
namespace {

void order_stores() { _mm_sfence(); }

}  // namespace

void stream_bytes(const void* from, size_t count, void* to) {
  constexpr size_t kLine = 64;
  const auto* source = static_cast<const char*>(from);
  auto* target = static_cast<char*>(to);
  const size_t before_line = (kLine - reinterpret_cast<size_t>(to) % kLine) % kLine;
  size_t at = before_line < count ? before_line : count;
  __builtin_memcpy(target, source, at);
  for (; at + kLine <= count; at += kLine) {
    _mm512_stream_si512(reinterpret_cast<__m512i*>(target + at), _mm512_loadu_si512(source + at));
  }
  __builtin_memcpy(target + at, source + at, count - at);
}

void (*const kFinishStreams)() = order_stores;

}  // namespace nearfar::NEARFAR_KERNELS
