// What evaluation.json says of the images that an encoder was judged by.
#pragma once

#include "framework/json/json.h"
#include "tools/nearfar/judging.h"

namespace nearfar {

/// Adds to `data`: part ("test" or "val"), test_path, split_seed, test_fraction, val_fraction and
/// limit, by which the parts can be made again; and seen_in_pretraining, how many of the images
/// that judge the encoder's pretraining saw (by file or row), or null where that is not known: an
/// encoder that belongs to no run, or was trained on another path. Warns where it saw any.
void describe_judged_data(Json& data, const Judging& judging, Log& log);

}  // namespace nearfar
