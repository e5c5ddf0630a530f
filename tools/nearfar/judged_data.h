// What evaluation.json says of the images that an encoder was judged by.
#pragma once

#include "framework/json/json.h"
#include "tools/nearfar/judging.h"

namespace nearfar {

/// How many of the images that judge the encoder has learned from, by file or row: in its run, and
/// in the runs that encoder.weights leads to. Null where that is not known: an encoder that belongs
/// to no run, weights or data of a run that are not there any more (says so), or a run whose images
/// have nothing in common with these, which may be copies. Warns where it saw any.
Json count_seen_images(const Judging& judging, Log& log);

/// Members for "data": part ("test" or "val"), test_path, split_seed, test_fraction, val_fraction
/// and limit, by which the parts can be made again; shared_with_training, how many of the judging
/// images are fitted on, with a warning; and seen_in_pretraining by count_seen_images(). Throws
/// DataError where all judging images are fitted on.
Json describe_judged_data(const Judging& judging, Log& log);

}  // namespace nearfar
