// Memory and captured launches of the current CUDA device, freed with their owners.
#pragma once

#include <cuda_runtime.h>

#include <stdexcept>
#include <vector>

namespace nearfar {

/// Throws std::runtime_error with CUDA's words.
inline void expect_success(cudaError_t error) {
  if (error != cudaSuccess) throw std::runtime_error(cudaGetErrorString(error));
}

/// An array in device memory.
template <typename Value>
class DeviceArray {
 public:
  explicit DeviceArray(size_t count) : bytes_(count * sizeof(Value)) {
    expect_success(cudaMalloc(reinterpret_cast<void**>(&values_), bytes_));
  }
  ~DeviceArray() { cudaFree(values_); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  Value* data() const { return values_; }
  /// Precondition: `host` is as long as the array.
  void copy_from(const std::vector<Value>& host) {
    expect_success(cudaMemcpy(values_, host.data(), bytes_, cudaMemcpyHostToDevice));
  }
  void copy_to(std::vector<Value>& host) const {
    expect_success(cudaMemcpy(host.data(), values_, bytes_, cudaMemcpyDeviceToHost));
  }

 private:
  Value* values_ = nullptr;
  size_t bytes_;
};

/// A launch, recorded in a graph and replayed with what then stands in the memory it was given.
class CapturedLaunch {
 public:
  /// launch(stream) returns null or the words of an error.
  template <typename Launch>
  explicit CapturedLaunch(Launch launch) {
    expect_success(cudaStreamCreate(&stream_));
    expect_success(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal));
    const char* error = launch(stream_);
    expect_success(cudaStreamEndCapture(stream_, &graph_));
    if (error != nullptr) throw std::runtime_error(error);
    expect_success(cudaGraphInstantiate(&executable_, graph_, 0));
  }
  ~CapturedLaunch() {
    if (executable_ != nullptr) cudaGraphExecDestroy(executable_);
    if (graph_ != nullptr) cudaGraphDestroy(graph_);
    if (stream_ != nullptr) cudaStreamDestroy(stream_);
  }
  CapturedLaunch(const CapturedLaunch&) = delete;
  CapturedLaunch& operator=(const CapturedLaunch&) = delete;
  void start() { expect_success(cudaGraphLaunch(executable_, stream_)); }
  void wait() { expect_success(cudaStreamSynchronize(stream_)); }

 private:
  cudaStream_t stream_ = nullptr;
  cudaGraph_t graph_ = nullptr;
  cudaGraphExec_t executable_ = nullptr;
};

}  // namespace nearfar
