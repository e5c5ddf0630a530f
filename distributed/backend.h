// What carries out the collectives of one channel: a backend of c10d, made by Gloo or by NCCL.
#pragma once

#include <chrono>
#include <string>

namespace c10d {
class Backend;
class Store;
}  // namespace c10d

namespace nearfar {

struct BackendRequest {
  c10d::Store* store = nullptr;  // where the ranks exchange their addresses; lives on if it is kept
  int rank = 0;
  int ranks = 1;
  std::string address;   // of this host, as the other ranks reach it; CPU alone
  int device_index = 0;  // of the GPU
  std::chrono::milliseconds deadline{0};
};

/// Makes a backend once all ranks have asked for one; the caller takes over one reference to it.
/// Plain enough to be looked up in a library that is opened while the program runs.
using MakeBackend = c10d::Backend* (*)(const BackendRequest&);

/// Gloo, for tensors on the CPU. The variable GLOO_SOCKET_IFNAME overrides the address.
c10d::Backend* make_gloo_backend(const BackendRequest& request);

}  // namespace nearfar

extern "C" {
/// NCCL, for tensors on a GPU; in libnearfar_cuda.so.
c10d::Backend* nearfar_cuda_make_backend(const nearfar::BackendRequest& request);
}
