// CRC-32C, the checksum in TensorBoard's event files.
#pragma once

#include <cstdint>
#include <string_view>

namespace nearfar {

/// CRC with Castagnoli's polynomial (RFC 3720, appendix B.4): "123456789" gives 0xE3069283.
uint32_t crc32c(std::string_view bytes);

}  // namespace nearfar
