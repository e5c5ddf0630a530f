// The taps of all output pixels along one axis of a resize.
#pragma once

#include <cstddef>
#include <vector>

#include "augment/kernels.h"
#include "augment/resample.h"

namespace nearfar {

/// Taps and weights of every output pixel; weights that are zero at either end are left out. The
/// memory is reused from one fill to the next.
class TapTable {
 public:
  /// `mirrored` runs the output pixels backwards, which is a flip. All weights are multiplied by
  /// `scale`.
  void fill(Interpolation interpolation, int input_size, int output_size, bool mirrored,
            float scale);
  TapRange taps(int index) const { return taps_[index]; }
  const float* weights(int index) const {
    return weights_.data() + static_cast<size_t>(index) * room_;
  }

 private:
  std::vector<TapRange> taps_;
  std::vector<float> weights_;
  int room_ = 0;
};

/// The taps of a row of interleaved values, laid out for Kernels::resample_columns.
class ColumnTable {
 public:
  /// Precondition: `table` was filled for these sizes.
  void fill(const TapTable& table, int input_size, int output_size, int channels);
  ColumnTaps taps() const;

 private:
  int channels_ = 0;
  int taps_ = 0;
  bool narrow_ = false;
  std::vector<int> place_;
  std::vector<int> lowest_;
  std::vector<float> weights_;
};

}  // namespace nearfar
