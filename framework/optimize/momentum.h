// How fast a network follows another, over a run.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace nearfar {

/// The momentum of a follower, for a recipe's config.
struct MomentumConfig {
  double start = 0.99;
  double final = 1.0;
  std::string schedule = "cosine";

  void describe(auto& field) {
    field("start", start, 0.0, 1.0, "momentum at the first step");
    field("final", final, 0.0, 1.0, "momentum that a cosine ends with");
    field("schedule", schedule, {"constant", "cosine", "cosine_lightly"},
          "constant: start (MoCo v1, v2); cosine: BYOL, MoCo v3, DINO; cosine_lightly: reaches the "
          "final value at the last step, not one later");
  }
};

/// final - (final - start) (1 + cos(pi share)) / 2. BYOL (Grill et al. 2020, section 3.3) and
/// solo-learn take step / steps as the share, MoCo v3 the epochs with their fraction and 1 as
/// final, DINO's cosine_scheduler step / steps without warm-up, lightly step / (steps - 1).
double cosine_momentum(double start, double final, double share);

/// What Follower::momentum wants for a run of `steps` steps: momentum by progress = step / steps.
/// Throws ConfigError for an unknown schedule.
std::function<double(double progress)> momentum_schedule(const MomentumConfig& config,
                                                         int64_t steps);

}  // namespace nearfar
