// Counter-based random numbers: every draw is a pure function of (seed, epoch, item, purpose).
#pragma once

#include <array>
#include <cstdint>

namespace nearfar {

/// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
std::array<uint32_t, 4> philox4x32_10(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

/// What a stream of random numbers is used for; streams of different purposes never overlap.
enum class Purpose : uint8_t {
  order = 1,        // the order of an epoch
  view = 2,         // how a view of an image is drawn
  replacement = 3,  // which image stands in for an unreadable one
  recipe = 4,       // noise items, shuffles, dropped paths: Batch::random
  split = 5,        // splits and subsets of a data set
  evaluation = 6,   // labelled subsets and held-out parts in evaluation
  permutation = 7,  // the order of shuffled views within a batch
};

/// A stream of random numbers. Two streams with equal arguments are equal on every machine, thread
/// and rank. item < 2^48, epoch < 2^32; `index` tells streams of one item apart (the view's
/// number).
class Random {
 public:
  Random(uint64_t seed, uint64_t epoch, uint64_t item, Purpose purpose, uint8_t index = 0);

  uint32_t next_uint32();
  uint64_t next_uint64();
  /// Uniform in [0, 1), 53 bits.
  double uniform();
  /// Leaves out what `count` calls of uniform() would draw, without computing it.
  void skip_uniform(uint32_t count);
  /// Uniform in [low, high).
  double uniform(double low, double high);
  /// Uniform integer in [0, count), without bias. Precondition: count > 0.
  int64_t below(int64_t count);
  /// True with the given probability; always draws one number.
  bool chance(double probability);
  /// Standard normal (Box-Muller).
  double normal();

 private:
  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 4> counter_;
  std::array<uint32_t, 4> block_{};
  int used_ = 4;
};

}  // namespace nearfar
