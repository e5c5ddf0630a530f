// A block of threads: the device's own, or on the host a loop over its threads, for one source.
#pragma once

#include "augment/host_device.h"

// Before a loop with a fixed count: the device's compiler unrolls it, so that arrays which it
// indexes become registers.
#ifdef __CUDA_ARCH__
#define NEARFAR_UNROLL _Pragma("unroll")
#else
#define NEARFAR_UNROLL
#endif

namespace nearfar {

/// Whether the host's loops run from the last thread to the first: what threads compute between two
/// barriers must not depend on who comes first.
inline thread_local bool threads_run_backwards = false;

/// Runs the phases of a kernel that barriers separate. What a kernel does outside each() depends on
/// the block alone, not on the thread.
template <int kThreads>
struct Block {
  /// work(thread) for every thread of the block, then a barrier.
  template <typename Work>
  NEARFAR_HOST_DEVICE static inline void each(Work work) {
#ifdef __CUDA_ARCH__
    work(static_cast<int>(threadIdx.x));
    __syncthreads();
#else
    for (int i = 0; i < kThreads; ++i) work(threads_run_backwards ? kThreads - 1 - i : i);
#endif
  }

  /// A value of every thread that outlives a barrier: registers on a device.
  template <typename Value>
  struct Private {
#ifdef __CUDA_ARCH__
    Value own{};
    NEARFAR_HOST_DEVICE inline Value& operator[](int) { return own; }
#else
    Value all[kThreads] = {};
    NEARFAR_HOST_DEVICE inline Value& operator[](int thread) { return all[thread]; }
#endif
  };
};

}  // namespace nearfar
