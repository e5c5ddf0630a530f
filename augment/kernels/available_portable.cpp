// Processors without a choice of instruction sets.
#include "augment/kernels.h"

namespace nearfar {
namespace portable {
extern const Kernels kKernels;
}

const std::vector<const Kernels*>& available_kernels() {
  static const std::vector<const Kernels*> available{&portable::kKernels};
  return available;
}

}  // namespace nearfar
