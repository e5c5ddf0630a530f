// Seeded parts of data sets: what is trained on, what is judged on, and how few images will do.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "framework/data/open.h"

namespace nearfar {

/// The share test_fraction of the images, set aside by the seed; where there are labels, of those
/// that have one, stratified by class, classes of one image left alone: a pure function of its
/// arguments. train and test are views of `whole`; test is null where that is no image; one image
/// at least is left in train. Throws std::invalid_argument unless
/// 0 <= test_fraction < 1.
DataParts split_data(std::shared_ptr<const Dataset> whole, double test_fraction, uint64_t seed);

/// `count` images of `whole` drawn by the seed, stratified by class, in their order; all of them
/// where it has no more.
std::shared_ptr<const Dataset> draw_images(std::shared_ptr<const Dataset> whole, int64_t count,
                                           uint64_t seed);

/// The parts of an opened set that a run trains and is judged on, by data.test_fraction,
/// val_fraction, split_seed, classes, limit and evaluate_on alone, so that pretraining and
/// evaluation agree:
/// * without a test part, a share of a set with labels or targets is held out as one;
/// * without a val part, data.val_fraction of the training images is held out as one;
/// * data.classes leaves images of other classes out of every part;
/// * data.limit draws from what is left;
/// * under evaluate_on=val the val part takes the place of the test part.
/// Says in the log what it holds out. Throws ConfigError where a val part is asked for and there is
/// none, and as choose_classes().
DataParts divide_data(const DataParts& opened, const DataConfig& config, Log& log);

/// Images of `a` that are in one of `others` too, by the file or the row that they come from;
/// symbolic links lead to the same file.
int64_t shared_images(const Dataset& a, const std::vector<std::shared_ptr<const Dataset>>& others);

}  // namespace nearfar
