// Processors without a choice of instruction sets.
#include "framework/optimize/update_kernels.h"

namespace nearfar {
namespace portable {
extern const UpdateKernels kUpdateKernels;
}

const std::vector<const UpdateKernels*>& available_update_kernels() {
  static const std::vector<const UpdateKernels*> available{&portable::kUpdateKernels};
  return available;
}

}  // namespace nearfar
