// Which instruction sets an x86-64 processor has, by the levels of its psABI.
#include "framework/losses/tile_loops.h"

namespace nearfar {
namespace portable {
extern const TileKernels kTileKernels;
}
namespace avx2 {
extern const TileKernels kTileKernels;
}
namespace avx512 {
extern const TileKernels kTileKernels;
}

const std::vector<const TileKernels*>& available_tile_kernels() {
  static const std::vector<const TileKernels*> available = [] {
    std::vector<const TileKernels*> tables{&portable::kTileKernels};
    if (__builtin_cpu_supports("x86-64-v3")) tables.push_back(&avx2::kTileKernels);
    if (__builtin_cpu_supports("x86-64-v4")) tables.push_back(&avx512::kTileKernels);
    return tables;
  }();
  return available;
}

}  // namespace nearfar
