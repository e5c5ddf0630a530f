// Crop boxes drawn on originals, and the colours that tell views apart.
#pragma once

#include <cstddef>
#include <vector>

#include "framework/data/canvas.h"

namespace nearfar {

/// A crop box on a canvas, in the colour of its policy.
struct CropMark {
  Box box;
  size_t policy = 0;
};

/// The colour of a policy's boxes and frames: the palette of Okabe and Ito (2008), which colour
/// vision deficiencies keep apart, then four more; begins anew after ten.
Rgb8 policy_color(size_t policy);

/// Draws the boxes, larger ones first: a coloured line between a black and a white one, so that it
/// shows on any background, and the policy's number (from 1) in a corner.
void draw_crop_marks(Canvas& canvas, std::vector<CropMark> marks);

/// The policy's number on its colour, with its upper left corner at (top, left).
void draw_policy_tag(Canvas& canvas, size_t policy, int top, int left);

/// Size of that tag.
Size policy_tag_size(size_t policy);

}  // namespace nearfar
