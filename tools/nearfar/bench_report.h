// What a benchmark found, in words and as data.
#pragma once

#include <string>
#include <vector>

#include "framework/data/stage_times.h"
#include "framework/json/json.h"
#include "framework/log/table.h"
#include "tools/nearfar/gpu_rates.h"

namespace nearfar {

/// Rates count images with all their views.
struct BenchReport {
  std::string kind;            // "augment" or "data"
  std::string title;           // what was measured
  std::vector<int64_t> sides;  // of the views
  Spread one_core;             // images per second
  Spread all_cores;
  Spread feeding;            // of a core that feeds a GPU
  bool gpu_renders = false;  // what a feeding core leaves to the GPU
  int threads = 1;
  BenchmarkPlan plan;
  std::vector<StageTime> stages;
  std::vector<GpuRate> rates;  // what GPUs take
  double first_read = 0.0;     // seconds a file; 0: not measured
  double file_bytes = 0.0;
};

/// The largest side of the views.
int64_t largest_side(const std::vector<int64_t>& sides);

/// Cores that feed a GPU of that rate.
double cores_needed(const BenchReport& report, double images_per_second);

std::string to_words(const BenchReport& report, TableStyle style);

/// {"bench", "title", "views", "one_core": {"images_per_second": {"median", "low", "high"},
/// "views_per_second": ...}, "all_cores": {..., "threads", "speedup"}, "feeding_core": {...,
/// "gpu_renders"}, "stages": {NAME:
/// {"milliseconds": ..., "share"}}, "limit", "gpus": [{"gpu", "network", "images_per_second",
/// "cores", "source"}], "rounds", "seconds"}. Stages are milliseconds an image on one thread.
Json to_document(const BenchReport& report);

}  // namespace nearfar
