// How fast a network follows another, over a run.
#include "framework/optimize/momentum.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "framework/error.h"

namespace nearfar {

double cosine_momentum(double start, double final, double share) {
  return final - (final - start) * (std::cos(std::numbers::pi * share) + 1.0) / 2.0;
}

std::function<double(double)> momentum_schedule(const MomentumConfig& config, int64_t steps) {
  const double start = config.start, final = config.final;
  if (config.schedule == "constant") return [start](double) { return start; };
  if (config.schedule == "cosine") {
    return [start, final](double progress) { return cosine_momentum(start, final, progress); };
  }
  if (config.schedule == "cosine_lightly") {
    if (steps <= 1) return [final](double) { return final; };
    const double stretch = static_cast<double>(steps) / static_cast<double>(steps - 1);
    return [start, final, stretch](double progress) {
      return cosine_momentum(start, final, std::min(1.0, progress * stretch));
    };
  }
  throw ConfigError("momentum.schedule: expected constant, cosine or cosine_lightly, got \"" +
                    config.schedule + "\"");
}

}  // namespace nearfar
