// A 16-bit float with float32's exponent: what GPU networks read views in.
#pragma once

#include <cstdint>

#include "augment/host_device.h"

namespace nearfar {

/// The upper half of a float32.
struct Bfloat16 {
  uint16_t bits;
};

/// The nearest bfloat16, ties to even. Precondition: value is not NaN.
NEARFAR_HOST_DEVICE inline Bfloat16 to_bfloat16(float value) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, sizeof(bits));
  return {static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16)};
}

NEARFAR_HOST_DEVICE inline float to_float(Bfloat16 value) {
  const uint32_t bits = static_cast<uint32_t>(value.bits) << 16;
  float result;
  __builtin_memcpy(&result, &bits, sizeof(result));
  return result;
}

}  // namespace nearfar
