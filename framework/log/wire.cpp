// Writing messages, and reading one field of them.
#include "framework/log/wire.h"

#include <bit>
#include <cstring>

namespace nearfar {
namespace {

static_assert(std::endian::native == std::endian::little, "fixed() writes memory as it lies");

enum WireType : uint64_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

uint64_t key(int field, WireType type) { return static_cast<uint64_t>(field) << 3 | type; }

/// Takes a varint off the front; nothing where the bytes end in its middle or it is too long.
std::optional<uint64_t> take_varint(std::string_view& bytes) {
  uint64_t value = 0;
  for (int shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

/// Takes a field's value off the front; its number where it is a varint, 0 otherwise.
std::optional<uint64_t> take_value(std::string_view& bytes, uint64_t type) {
  uint64_t size = 0;
  if (type == kVarint) return take_varint(bytes);
  if (type == kBytes) {
    const std::optional<uint64_t> length = take_varint(bytes);
    if (!length) return std::nullopt;
    size = *length;
  } else if (type == kFixed64 || type == kFixed32) {
    size = type == kFixed64 ? 8 : 4;
  } else {
    return std::nullopt;
  }
  if (size > bytes.size()) return std::nullopt;
  bytes.remove_prefix(size);
  return 0;
}

}  // namespace

void WireMessage::varint(uint64_t value) {
  for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
  bytes_ += static_cast<char>(value);
}

template <typename Number>
void WireMessage::fixed(Number value) {
  char raw[sizeof(value)];
  std::memcpy(raw, &value, sizeof(value));
  bytes_.append(raw, sizeof(value));
}

WireMessage& WireMessage::integer(int field, int64_t value) {
  varint(key(field, kVarint));
  varint(static_cast<uint64_t>(value));
  return *this;
}

WireMessage& WireMessage::real(int field, double value) {
  varint(key(field, kFixed64));
  fixed(value);
  return *this;
}

WireMessage& WireMessage::single(int field, float value) {
  varint(key(field, kFixed32));
  fixed(value);
  return *this;
}

WireMessage& WireMessage::text(int field, std::string_view bytes) {
  varint(key(field, kBytes));
  varint(bytes.size());
  bytes_ += bytes;
  return *this;
}

WireMessage& WireMessage::message(int field, const WireMessage& inner) {
  return text(field, inner.bytes_);
}

WireMessage& WireMessage::reals(int field, std::span<const double> values) {
  varint(key(field, kBytes));
  varint(values.size() * sizeof(double));
  for (const double value : values) fixed(value);
  return *this;
}

std::optional<int64_t> integer_field(std::string_view message, int field) {
  int64_t found = 0;
  while (!message.empty()) {
    const std::optional<uint64_t> head = take_varint(message);
    if (!head) return std::nullopt;
    const std::optional<uint64_t> value = take_value(message, *head & 7);
    if (!value) return std::nullopt;
    if (*head == key(field, kVarint)) found = static_cast<int64_t>(*value);
  }
  return found;
}

}  // namespace nearfar
