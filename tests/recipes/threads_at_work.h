// How many threads at::parallel_for has where this header is included.
#pragma once

#include <ATen/Parallel.h>

#include <chrono>
#include <mutex>
#include <set>
#include <thread>

namespace nearfar {

/// Runs one task for each of LibTorch's threads, all at the same time where they are given threads
/// of their own, and counts the threads that ran any. Inline: it is compiled into whoever calls it.
inline size_t threads_at_work() {
  std::mutex mutex;
  std::set<std::thread::id> threads;
  at::parallel_for(0, at::get_num_threads(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const std::lock_guard lock(mutex);
      threads.insert(std::this_thread::get_id());
    }
  });
  return threads.size();
}

}  // namespace nearfar
