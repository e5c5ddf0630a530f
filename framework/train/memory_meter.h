// How much memory LibTorch takes for tensors while a piece of work runs.
#pragma once

#include <cstdint>
#include <functional>

namespace nearfar {

/// The largest growth, in bytes, of what LibTorch's allocators (of all devices) hold for this
/// thread's work and its backward passes, over what they held at its start. Memory that work takes
/// by other ways (scratch of the convolution library) is not seen.
int64_t peak_bytes(const std::function<void()>& work);

/// The largest resident size, in bytes, of this process while a piece of work runs, with all that
/// no allocator reports (scratch, gaps); 0 where Linux does not tell. Gives the C library's unused
/// memory back before and after.
int64_t peak_resident_bytes(const std::function<void()>& work);

}  // namespace nearfar
