// A naive renderer in double precision, written from the definitions: the reference of the tests.
#pragma once

#include <cstdint>
#include <vector>

#include "augment/image.h"
#include "augment/render.h"
#include "augment/view.h"

namespace nearfar::gold {

/// What a view should look like, [height, width, channels] in [0, 1] or normalised. Solarisation
/// jumps at its threshold: where a value lies within 1e-5 of it, `alternative` holds the result of
/// the other side, elsewhere the same value.
struct Rendering {
  std::vector<double> values;
  std::vector<double> alternative;
};

Rendering render(const Image& image, const View& view, const RenderTarget& target);

/// The weight of every input pixel for output pixel `index`: the filter sampled at all of them.
std::vector<double> resample_weights(Interpolation interpolation, int input_size, int output_size,
                                     int index);

}  // namespace nearfar::gold
