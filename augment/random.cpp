// Philox4x32-10 and the streams built on it.
#include "augment/random.h"

#include <cmath>
#include <stdexcept>

namespace nearfar {
namespace {

constexpr uint32_t kMultiplier0 = 0xD2511F53u;
constexpr uint32_t kMultiplier1 = 0xCD9E8D57u;
constexpr uint32_t kWeyl0 = 0x9E3779B9u;
constexpr uint32_t kWeyl1 = 0xBB67AE85u;

std::array<uint32_t, 4> philox_round(const std::array<uint32_t, 4>& c, uint32_t k0, uint32_t k1) {
  const uint64_t product0 = uint64_t{kMultiplier0} * c[0];
  const uint64_t product1 = uint64_t{kMultiplier1} * c[2];
  return {static_cast<uint32_t>(product1 >> 32) ^ c[1] ^ k0, static_cast<uint32_t>(product1),
          static_cast<uint32_t>(product0 >> 32) ^ c[3] ^ k1, static_cast<uint32_t>(product0)};
}

}  // namespace

std::array<uint32_t, 4> philox4x32_10(std::array<uint32_t, 4> counter,
                                      std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    counter = philox_round(counter, key[0], key[1]);
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

Random::Random(uint64_t seed, uint64_t epoch, uint64_t item, Purpose purpose, uint8_t index)
    : key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)},
      counter_{0, static_cast<uint32_t>(item), static_cast<uint32_t>(epoch),
               static_cast<uint32_t>(item >> 32) << 16 | static_cast<uint32_t>(index) << 8 |
                   static_cast<uint32_t>(purpose)} {
  if (item >> 48 != 0 || epoch >> 32 != 0) {
    throw std::out_of_range("Random: expected item < 2^48 and epoch < 2^32");
  }
}

uint32_t Random::next_uint32() {
  if (used_ == 4) {
    block_ = philox4x32_10(counter_, key_);
    ++counter_[0];
    used_ = 0;
  }
  return block_[used_++];
}

uint64_t Random::next_uint64() {
  const uint64_t low = next_uint32();
  return uint64_t{next_uint32()} << 32 | low;
}

double Random::uniform() { return static_cast<double>(next_uint64() >> 11) * 0x1.0p-53; }

void Random::skip_uniform(uint32_t count) {
  const uint32_t next = 4 * counter_[0] - (4 - used_) + 2 * count;
  counter_[0] = next / 4;
  used_ = 4;
  if (next % 4 == 0) return;
  next_uint32();
  used_ = static_cast<int>(next % 4);
}

double Random::uniform(double low, double high) { return low + (high - low) * uniform(); }

int64_t Random::below(int64_t count) {
  const auto bound = static_cast<uint64_t>(count);
  const uint64_t unfair = -bound % bound;  // 2^64 mod bound: values below it would favour some
  uint64_t value = next_uint64();
  while (value < unfair) value = next_uint64();
  return static_cast<int64_t>(value % bound);
}

bool Random::chance(double probability) { return uniform() < probability; }

double Random::normal() {
  const double radius = std::sqrt(-2.0 * std::log1p(-uniform()));
  return radius * std::cos(2.0 * M_PI * uniform());
}

}  // namespace nearfar
