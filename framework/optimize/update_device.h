// What the blocks of a GPU compute in an update; on the host, loops over their threads.
#pragma once

#include "augment/block.h"
#include "framework/optimize/update_pass.h"

namespace nearfar {

inline constexpr int kUpdateThreads = 256;
using UpdateBlock = Block<kUpdateThreads>;

struct SumsShared {
  SquareSums of_thread[kUpdateThreads];
};

/// Adds up what the threads hold, always in the same order: the result is thread 0's.
NEARFAR_HOST_DEVICE inline void add_threads(SumsShared& shared) {
  for (int half = kUpdateThreads / 2; half > 0; half /= 2) {
    UpdateBlock::each([&](int thread) {
      if (thread < half) add(shared.of_thread[thread], shared.of_thread[thread + half]);
    });
  }
}

/// One block a chunk: its SquareSums, in double.
template <typename T>
NEARFAR_HOST_DEVICE inline void sum_chunk(const UpdatePass<T>& pass, int64_t index,
                                          SumsShared& shared) {
  if (*pass.not_finite != 0.0f) return;
  const Chunk chunk = pass.chunks[index];
  const double gradient = all_clip_factor(pass);
  const double decay = decay_of(pass, chunk.parameter);
  UpdateBlock::each([&](int thread) {
    SquareSums sums{};
    for (int64_t i = chunk.begin + thread; i < chunk.end; i += kUpdateThreads) {
      const double p = static_cast<double>(pass.parameters[i]);
      const double g = static_cast<double>(pass.gradients[i]);
      const double d = gradient * g + decay * p;
      add(sums, {p * p, g * g, d * d});
    }
    shared.of_thread[thread] = sums;
  });
  add_threads(shared);
  UpdateBlock::each([&](int thread) {
    if (thread == 0) pass.sums[index] = shared.of_thread[0];
  });
}

/// One block a parameter: its Coefficients, from the sums of its chunks where the rule needs them.
template <typename T>
NEARFAR_HOST_DEVICE inline void find_coefficients(const UpdatePass<T>& pass, int64_t parameter,
                                                  SumsShared& shared) {
  if (*pass.not_finite != 0.0f) return;
  if (needs_sums(pass.rule)) {
    const ParameterPlace place = pass.places[parameter];
    UpdateBlock::each([&](int thread) {
      SquareSums sums{};
      for (int c = thread; c < place.chunks; c += kUpdateThreads) {
        add(sums, pass.sums[place.first_chunk + c]);
      }
      shared.of_thread[thread] = sums;
    });
    add_threads(shared);
  }
  UpdateBlock::each([&](int thread) {
    if (thread != 0) return;
    const SquareSums sums = needs_sums(pass.rule) ? shared.of_thread[0] : SquareSums{};
    pass.coefficients[parameter] = coefficients(pass, parameter, sums);
  });
}

/// Moves element i of parameters and state.
template <typename T>
NEARFAR_HOST_DEVICE inline void move_element(const UpdatePass<T>& pass, const ElementStep<T>& step,
                                             int64_t i) {
  T none = 0;
  T& first = pass.first == nullptr ? none : pass.first[i];
  T& second = pass.second == nullptr ? none : pass.second[i];
  if (pass.rule.method == Method::adamw) {
    AdamwMove::move(step, pass.parameters[i], pass.gradients[i], first, second);
  } else if (pass.first == nullptr) {
    PlainMove::move(step, pass.parameters[i], pass.gradients[i], first, second);
  } else if (pass.rule.nesterov) {
    NesterovMove::move(step, pass.parameters[i], pass.gradients[i], first, second);
  } else {
    MomentumMove::move(step, pass.parameters[i], pass.gradients[i], first, second);
  }
}

/// One block a chunk: parameters, state, and what follows.
template <typename T>
NEARFAR_HOST_DEVICE inline void move_chunk_on_device(const UpdatePass<T>& pass, int64_t index) {
  if (*pass.not_finite != 0.0f) return;
  const Chunk chunk = pass.chunks[index];
  const bool frozen = pass.groups[pass.places[chunk.parameter].group].frozen;
  const ElementStep<T> step(pass.rule, pass.coefficients[chunk.parameter]);
  UpdateBlock::each([&](int thread) {
    for (int64_t i = chunk.begin + thread; i < chunk.end; i += kUpdateThreads) {
      if (!frozen) move_element(pass, step, i);
      for (int t = 0; t < chunk.targets; ++t) {
        const ChunkTarget target = pass.targets[chunk.first_target + t];
        T& value = static_cast<T*>(target.values)[i - chunk.begin];
        value =
            followed(value, pass.parameters[i], static_cast<T>(pass.step.follow[target.follower]));
      }
    }
  });
}

}  // namespace nearfar
