// Marks functions that run on the host and, when nvcc compiles them, on the device too.
#pragma once

// On the host they are always inlined: the kernels are compiled for several instruction sets, and a
// shared copy of such a function could be the one that this processor cannot run.
#ifdef __CUDACC__
#define NEARFAR_HOST_DEVICE __host__ __device__
#else
#define NEARFAR_HOST_DEVICE __attribute__((always_inline))
#endif
