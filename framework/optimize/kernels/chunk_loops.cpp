// The loops over a chunk's elements, in a form that compilers vectorise, and their table.
#include "framework/optimize/update_kernels.h"

#define NEARFAR_TEXT(name) #name
#define NEARFAR_NAME(name) NEARFAR_TEXT(name)

namespace nearfar::NEARFAR_KERNELS {
namespace {

constexpr int kLanes = 16;
constexpr int64_t kBlock = 256;  // few enough terms for a float's sum, each lane adding 16

/// The sums of up to kBlock elements, a lane for each residue.
template <typename T>
SquareSums block_sums(const T* p, const T* g, int64_t count, T gradient, T decay) {
  T parameter[kLanes] = {}, raw[kLanes] = {}, decayed[kLanes] = {};
  const auto square = [&](int64_t i, int lane) {
    const T d = gradient * g[i] + decay * p[i];
    parameter[lane] += p[i] * p[i];
    raw[lane] += g[i] * g[i];
    decayed[lane] += d * d;
  };
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) square(i + lane, lane);
  }
  for (int lane = 0; i < count; ++i, ++lane) square(i, lane);
  SquareSums sums{};
  for (int lane = 0; lane < kLanes; ++lane) {
    add(sums, {static_cast<double>(parameter[lane]), static_cast<double>(raw[lane]),
               static_cast<double>(decayed[lane])});
  }
  return sums;
}

template <typename T>
SquareSums sums_of(const UpdatePass<T>& pass, const Chunk& chunk) {
  const auto gradient = static_cast<T>(all_clip_factor(pass));
  const auto decay = static_cast<T>(decay_of(pass, chunk.parameter));
  SquareSums sums{};
  for (int64_t i = chunk.begin; i < chunk.end; i += kBlock) {
    const int64_t count = chunk.end - i < kBlock ? chunk.end - i : kBlock;
    add(sums, block_sums(pass.parameters + i, pass.gradients + i, count, gradient, decay));
  }
  return sums;
}

/// `first` and `second` may be null where the move has no such state.
template <typename Move, typename T>
void move_elements(const ElementStep<T>& step, T* __restrict p, const T* __restrict g,
                   T* __restrict first, T* __restrict second, int64_t count) {
  T none = 0;
  for (int64_t i = 0; i < count; ++i) {
    Move::move(step, p[i], g[i], first == nullptr ? none : first[i],
               second == nullptr ? none : second[i]);
  }
}

template <typename T>
void follow(T* __restrict target, const T* __restrict online, int64_t count, T weight) {
  for (int64_t i = 0; i < count; ++i) target[i] = followed(target[i], online[i], weight);
}

template <typename T>
void move_parameters(const UpdatePass<T>& pass, const Chunk& chunk, const Coefficients& c) {
  const ElementStep<T> step(pass.rule, c);
  const int64_t count = chunk.end - chunk.begin;
  T* p = pass.parameters + chunk.begin;
  const T* g = pass.gradients + chunk.begin;
  T* first = pass.first == nullptr ? nullptr : pass.first + chunk.begin;
  if (pass.rule.method == Method::adamw) {
    move_elements<AdamwMove, T>(step, p, g, first, pass.second + chunk.begin, count);
  } else if (first == nullptr) {
    move_elements<PlainMove, T>(step, p, g, nullptr, nullptr, count);
  } else if (pass.rule.nesterov) {
    move_elements<NesterovMove, T>(step, p, g, first, nullptr, count);
  } else {
    move_elements<MomentumMove, T>(step, p, g, first, nullptr, count);
  }
}

template <typename T>
void move_all(const UpdatePass<T>& pass, const Chunk& chunk, const Coefficients& c) {
  if (!pass.groups[pass.places[chunk.parameter].group].frozen) move_parameters(pass, chunk, c);
  for (int32_t i = 0; i < chunk.targets; ++i) {
    const ChunkTarget& target = pass.targets[chunk.first_target + i];
    follow(static_cast<T*>(target.values), pass.parameters + chunk.begin, chunk.end - chunk.begin,
           static_cast<T>(pass.step.follow[target.follower]));
  }
}

}  // namespace

extern const UpdateKernels kUpdateKernels;
const UpdateKernels kUpdateKernels = {
    .name = NEARFAR_NAME(NEARFAR_KERNELS),
    .of_float = {sums_of<float>, move_all<float>},
    .of_double = {sums_of<double>, move_all<double>},
};

}  // namespace nearfar::NEARFAR_KERNELS
