// How many images a second GPUs take: what a loader must feed them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace nearfar {

/// Images with all their views.
struct GpuRate {
  std::string gpu;
  std::string network;
  int64_t side = 0;  // of the views, in pixels
  double images_per_second = 0.0;
  std::string source;
};

/// Published rates for views of about that size (a factor of 1.5 either way); none for other sizes.
std::vector<GpuRate> gpu_rates(int64_t side);

}  // namespace nearfar
