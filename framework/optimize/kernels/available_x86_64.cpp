// Which instruction sets an x86-64 processor has, by the levels of its psABI.
#include "framework/optimize/update_kernels.h"

namespace nearfar {
namespace portable {
extern const UpdateKernels kUpdateKernels;
}
namespace avx2 {
extern const UpdateKernels kUpdateKernels;
}
namespace avx512 {
extern const UpdateKernels kUpdateKernels;
}

const std::vector<const UpdateKernels*>& available_update_kernels() {
  static const std::vector<const UpdateKernels*> available = [] {
    std::vector<const UpdateKernels*> tables{&portable::kUpdateKernels};
    if (__builtin_cpu_supports("x86-64-v3")) tables.push_back(&avx2::kUpdateKernels);
    if (__builtin_cpu_supports("x86-64-v4")) tables.push_back(&avx512::kUpdateKernels);
    return tables;
  }();
  return available;
}

}  // namespace nearfar
