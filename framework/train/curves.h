// curves.svg: the loss of a run against random guessing, and its learning rate.
#pragma once

#include "framework/train/run_folder.h"

namespace nearfar {

/// Draws log.jsonl into curves.svg; does nothing when there are no lines yet.
void draw_curves(const RunFolder& folder);

}  // namespace nearfar
