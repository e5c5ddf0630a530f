// .npy files made by the format's description, for tests.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace nearfar {

inline std::vector<uint8_t> npy_file(const std::string& type, const std::vector<int64_t>& shape,
                                     const std::vector<uint8_t>& numbers) {
  std::string text = "{'descr': '" + type + "', 'fortran_order': False, 'shape': (";
  for (const int64_t dimension : shape) text += std::to_string(dimension) + ", ";
  text += "), }";
  while ((10 + text.size() + 1) % 64 != 0) text += ' ';
  text += '\n';
  std::vector<uint8_t> bytes{0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
  bytes.push_back(static_cast<uint8_t>(text.size() & 0xFF));
  bytes.push_back(static_cast<uint8_t>(text.size() >> 8));
  bytes.insert(bytes.end(), text.begin(), text.end());
  bytes.insert(bytes.end(), numbers.begin(), numbers.end());
  return bytes;
}

template <typename Number>
std::vector<uint8_t> bytes_of(const std::vector<Number>& numbers) {
  std::vector<uint8_t> bytes(numbers.size() * sizeof(Number));
  std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return bytes;
}

}  // namespace nearfar
