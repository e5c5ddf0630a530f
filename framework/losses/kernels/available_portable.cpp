// Processors without a choice of instruction sets.
#include "framework/losses/tile_loops.h"

namespace nearfar {
namespace portable {
extern const TileKernels kTileKernels;
}

const std::vector<const TileKernels*>& available_tile_kernels() {
  static const std::vector<const TileKernels*> available{&portable::kTileKernels};
  return available;
}

}  // namespace nearfar
