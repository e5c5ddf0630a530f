// Counting of allocations through the hook that LibTorch offers its profiler, and Linux's own
// count.
#include "framework/train/memory_meter.h"

#include <c10/core/Allocator.h>
#include <c10/util/Logging.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <malloc.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>

namespace nearfar {
namespace {

class Meter final : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, int64_t alloc_size, size_t, size_t, c10::Device) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    held_ += alloc_size;
    peak_ = std::max(peak_, held_);
  }
  bool memoryProfilingEnabled() const override { return true; }
  int64_t peak() const { return peak_; }

 private:
  std::mutex mutex_;
  int64_t held_ = 0, peak_ = 0;
};

/// LibTorch would warn of memory that goes and was there before; only growth is asked for here.
class ErrorsAlone {
 public:
  ErrorsAlone() : before_(FLAGS_caffe2_log_level) { FLAGS_caffe2_log_level = c10::GLOG_ERROR; }
  ~ErrorsAlone() { FLAGS_caffe2_log_level = before_; }
  ErrorsAlone(const ErrorsAlone&) = delete;
  ErrorsAlone& operator=(const ErrorsAlone&) = delete;

 private:
  int before_;
};

}  // namespace

int64_t peak_bytes(const std::function<void()>& work) {
  const ErrorsAlone quiet;
  const auto meter = std::make_shared<Meter>();
  const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, meter);
  work();
  return meter->peak();
}

int64_t peak_resident_bytes(const std::function<void()>& work) {
  malloc_trim(0);
  // 5 resets the peak (man 5 proc).
  const bool reset = static_cast<bool>(std::ofstream("/proc/self/clear_refs") << "5" << std::flush);
  work();
  int64_t kibibytes = 0;
  std::ifstream status("/proc/self/status");
  for (std::string word; reset && status >> word;) {
    if (word == "VmHWM:") status >> kibibytes;
  }
  malloc_trim(0);
  return kibibytes * 1024;
}

}  // namespace nearfar
