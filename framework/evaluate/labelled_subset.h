// Which training labels an evaluation may use, and which of those it holds out to choose settings.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace nearfar {

/// The labelled subset of one seed: the same number of images of every class, round(fraction * N /
/// C) but at least one and at most what the class has; fraction 1 is everything. label [N] int64 in
/// [0, classes). Returns positions in ascending order [n] int64; a pure function of its arguments.
at::Tensor balanced_draw(const at::Tensor& label, int64_t classes, double fraction, uint64_t seed);

/// Positions [.] int64 to fit on and to choose settings by; together all of them, none twice.
struct HeldOut {
  at::Tensor fit;
  at::Tensor held_out;
};

/// Stratified folds: the held-out parts are a partition; each class is spread over them as evenly
/// as its number allows, and so is the whole. Parts that would be empty are left out.
std::vector<HeldOut> stratified_folds(const at::Tensor& label, int64_t classes, int64_t folds,
                                      uint64_t seed);

/// `count` positions out of N drawn by the seed, ascending; all of them when there are not more.
at::Tensor sample_positions(int64_t size, int64_t count, uint64_t seed);

}  // namespace nearfar
