// Writing past the caches where there is no instruction worth using for it: through them.
#include "augment/kernels/loops.h"

namespace nearfar::NEARFAR_KERNELS {

void stream_bytes(const void* from, size_t count, void* to) { __builtin_memcpy(to, from, count); }

void (*const kFinishStreams)() = nullptr;

}  // namespace nearfar::NEARFAR_KERNELS
