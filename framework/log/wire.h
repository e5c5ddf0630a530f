// The wire format of protocol buffers, as far as TensorBoard's messages need it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace nearfar {

/// A message in the making: fields by number, in the order in which they are added
/// (protobuf.dev/programming-guides/encoding).
class WireMessage {
 public:
  /// int64, uint64, enum, bool.
  WireMessage& integer(int field, int64_t value);
  WireMessage& real(int field, double value);
  WireMessage& single(int field, float value);
  /// string, bytes.
  WireMessage& text(int field, std::string_view bytes);
  WireMessage& message(int field, const WireMessage& inner);
  /// repeated double [packed = true].
  WireMessage& reals(int field, std::span<const double> values);

  const std::string& bytes() const { return bytes_; }

 private:
  void varint(uint64_t value);
  template <typename Number>
  void fixed(Number value);

  std::string bytes_;
};

/// The integer field `field` of a message, 0 where it is absent, as protocol buffers have it;
/// nothing for bytes that are no message.
std::optional<int64_t> integer_field(std::string_view message, int field);

}  // namespace nearfar
