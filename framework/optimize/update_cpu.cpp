// An update on the CPU: each thread takes a run of parameters, their norms and their step while
// they are in its cache.
#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

#include "framework/optimize/update_kernels.h"

namespace nearfar {
namespace {

/// `pieces` runs of chunks of about equally many elements: piece i is [bounds[i], bounds[i + 1]).
template <typename T>
std::vector<int64_t> bounds_of(const UpdatePass<T>& pass, int64_t pieces) {
  int64_t total = 0;
  for (int64_t c = 0; c < pass.chunk_count; ++c) {
    total += pass.chunks[c].end - pass.chunks[c].begin;
  }
  std::vector<int64_t> bounds = {0};
  int64_t passed = 0;
  for (int64_t c = 0; c < pass.chunk_count; ++c) {
    const auto piece = static_cast<int64_t>(bounds.size());
    if (piece < pieces && passed * pieces >= total * piece) bounds.push_back(c);
    passed += pass.chunks[c].end - pass.chunks[c].begin;
  }
  bounds.resize(static_cast<size_t>(pieces) + 1, pass.chunk_count);
  return bounds;
}

/// The chunks of the parameters that lie in more than one piece.
template <typename T>
std::vector<int64_t> shared_chunks(const UpdatePass<T>& pass, const std::vector<int64_t>& bounds) {
  std::vector<int64_t> chunks;
  int32_t last = -1;
  for (size_t i = 1; i + 1 < bounds.size(); ++i) {
    if (bounds[i] == pass.chunk_count) break;
    const int32_t parameter = pass.chunks[bounds[i]].parameter;
    const ParameterPlace& place = pass.places[parameter];
    if (parameter == last || place.first_chunk == bounds[i]) continue;
    last = parameter;
    for (int32_t c = 0; c < place.chunks; ++c) chunks.push_back(place.first_chunk + c);
  }
  return chunks;
}

/// Moves the chunks [begin, end). The sums of parameters that lie beyond them too are there.
template <typename T>
void run_piece(const UpdatePass<T>& pass, const ChunkLoops<T>& loops, int64_t begin, int64_t end) {
  for (int64_t at = begin; at < end;) {
    const int32_t parameter = pass.chunks[at].parameter;
    const ParameterPlace& place = pass.places[parameter];
    const int64_t last = std::min<int64_t>(end, place.first_chunk + place.chunks);
    SquareSums sums{};
    if (needs_sums(pass.rule)) {
      const bool whole = place.first_chunk >= begin && place.first_chunk + place.chunks <= end;
      for (int64_t c = place.first_chunk; c < place.first_chunk + place.chunks; ++c) {
        if (whole) pass.sums[c] = loops.sums(pass, pass.chunks[c]);
        add(sums, pass.sums[c]);
      }
    }
    const Coefficients c = coefficients(pass, parameter, sums);
    for (; at < last; ++at) loops.move(pass, pass.chunks[at], c);
  }
}

template <typename T>
void run(const UpdatePass<T>& pass, const ChunkLoops<T>& loops) {
  if (*pass.not_finite != 0.0f || pass.chunk_count == 0) return;
  const int64_t pieces = at::get_num_threads();
  const std::vector<int64_t> bounds = bounds_of(pass, pieces);
  if (needs_sums(pass.rule)) {
    const std::vector<int64_t> shared = shared_chunks(pass, bounds);
    at::parallel_for(0, static_cast<int64_t>(shared.size()), 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        pass.sums[shared[i]] = loops.sums(pass, pass.chunks[shared[i]]);
      }
    });
  }
  at::parallel_for(0, pieces, 1, [&](int64_t begin, int64_t end) {
    for (int64_t piece = begin; piece < end; ++piece) {
      run_piece(pass, loops, bounds[piece], bounds[piece + 1]);
    }
  });
}

}  // namespace

void run_on_cpu(const UpdatePass<float>& pass, const UpdateKernels& kernels) {
  run(pass, kernels.of_float);
}

void run_on_cpu(const UpdatePass<double>& pass, const UpdateKernels& kernels) {
  run(pass, kernels.of_double);
}

}  // namespace nearfar
