// The linear protocol: standardised features, L2 strength chosen on held-out labels, refit on all
// of them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "framework/evaluate/choice.h"
#include "framework/evaluate/scores.h"

namespace nearfar {

struct LinearProbeConfig {
  double l2_strongest = 1.0;
  double l2_weakest = 1e-5;
  int64_t steps_per_decade = 2;
  int64_t patience = 2;
  int64_t folds = 5;
  int64_t all_folds_up_to = 2000;
  double search_tolerance = 1e-3;
  double tolerance = 1e-4;
  int64_t search_iterations = 60;
  int64_t max_iterations = 1000;

  void describe(auto& field) {
    field("l2_strongest", l2_strongest, 1e-12, 1e6, "first L2 strength tried");
    field("l2_weakest", l2_weakest, 1e-12, 1e6, "last L2 strength tried");
    field("steps_per_decade", steps_per_decade, int64_t{1}, int64_t{20},
          "L2 strengths per factor of ten");
    field("patience", patience, int64_t{1}, int64_t{100},
          "the search ends after so many weaker strengths without a gain");
    field("folds", folds, int64_t{2}, int64_t{100},
          "one part in so many of the labelled images is held out to choose L2");
    field("all_folds_up_to", all_folds_up_to, int64_t{0}, int64_t{1} << 40,
          "with at most so many labelled images every part is held out in turn");
    field("search_tolerance", search_tolerance, 1e-14, 1.0,
          "largest gradient component at which a fit of the search ends");
    field("tolerance", tolerance, 1e-14, 1.0, "the same for the final fit");
    field("search_iterations", search_iterations, int64_t{1}, int64_t{100000},
          "limit on the iterations of a fit of the search");
    field("max_iterations", max_iterations, int64_t{1}, int64_t{100000},
          "limit on the iterations of the final fit");
  }
};

struct LinearProbeResult {
  Accuracy accuracy;           // on the test set
  double l2 = 0.0;             // chosen
  double gradient_norm = 0.0;  // largest component, absolute, of the final fit
  int64_t iterations = 0;
  bool converged = false;     // gradient_norm <= tolerance
  int64_t parts = 0;          // held-out parts the choice was made on; 0: too few images to choose
  std::vector<double> tried;  // L2 strengths, strongest first
  std::vector<double> held_out;  // top-1 of each on the held-out images
};

/// Column means and scales; a column that does not vary has scale 1.
struct Standardizer {
  at::Tensor mean;   // [d]
  at::Tensor scale;  // [d]
};
Standardizer standardizer(const at::Tensor& features);
at::Tensor standardize(const Standardizer& by, const at::Tensor& features);

/// L2 strengths from the strongest to the weakest, equally spaced in the logarithm, ends included.
std::vector<double> l2_grid(const LinearProbeConfig& config);

/// Judges train [N, d] by test [Q, d]. Walks from the strongest L2 to the weakest, each fit
/// starting from the one before; of the strengths tried, `choose` takes one by their held-out top-1
/// (the strongest of equals). Nothing of the test set enters but the final accuracy.
LinearProbeResult linear_probe(const at::Tensor& train, const at::Tensor& train_label,
                               const at::Tensor& test, const at::Tensor& test_label,
                               int64_t classes, const LinearProbeConfig& config, uint64_t seed,
                               const Choose& choose = best_held_out);

}  // namespace nearfar
