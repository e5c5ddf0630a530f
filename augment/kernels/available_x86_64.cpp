// Which instruction sets an x86-64 processor has, by the levels of its psABI.
#include "augment/kernels.h"

namespace nearfar {
namespace portable {
extern const Kernels kKernels;
}
namespace avx2 {
extern const Kernels kKernels;
}
namespace avx512 {
extern const Kernels kKernels;
}

const std::vector<const Kernels*>& available_kernels() {
  static const std::vector<const Kernels*> available = [] {
    std::vector<const Kernels*> tables{&portable::kKernels};
    if (__builtin_cpu_supports("x86-64-v3")) tables.push_back(&avx2::kKernels);
    if (__builtin_cpu_supports("x86-64-v4")) tables.push_back(&avx512::kKernels);
    return tables;
  }();
  return available;
}

}  // namespace nearfar
