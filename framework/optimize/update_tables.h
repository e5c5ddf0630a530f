// The tables of an update: where parameters, their chunks and their followers lie.
#pragma once

#include <torch/types.h>

#include "framework/optimize/flat_storage.h"
#include "framework/optimize/followers.h"
#include "framework/optimize/update_pass.h"

namespace nearfar {

/// The tables of an UpdatePass and its room for sums, in the memory of the parameters' device.
class UpdateTables {
 public:
  /// The followers' flat buffers must outlive the tables.
  UpdateTables(const FlatStorage& storage, const FollowerSet& followers);

  /// Points a pass to the tables.
  template <typename T>
  void enter(UpdatePass<T>& pass) const {
    pass.groups = pointer<GroupRule>(groups_);
    pass.places = pointer<ParameterPlace>(places_);
    pass.parameter_count = count<ParameterPlace>(places_);
    pass.chunks = pointer<Chunk>(chunks_);
    pass.chunk_count = count<Chunk>(chunks_);
    pass.targets = pointer<ChunkTarget>(targets_);
    pass.sums = pointer<SquareSums>(sums_);
    pass.coefficients = pointer<Coefficients>(coefficients_);
  }

 private:
  template <typename Row>
  static Row* pointer(const at::Tensor& bytes) {
    return static_cast<Row*>(bytes.data_ptr());
  }
  template <typename Row>
  static int64_t count(const at::Tensor& bytes) {
    return bytes.numel() / static_cast<int64_t>(sizeof(Row));
  }

  at::Tensor groups_, places_, chunks_, targets_;  // rows of the structs, as bytes
  at::Tensor sums_, coefficients_;
};

}  // namespace nearfar
