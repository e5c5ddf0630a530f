// Networks that see several rows of each image, its patches.
#pragma once

#include <cstdint>

namespace nearfar {

/// While one lives, images count as that many rows each in what this thread forwards, the rows of
/// an image side by side: BatchNorm's groups of images then hold all rows of theirs, and dropped
/// paths are drawn by row. NormPlan and its piece go on counting images.
class RowsPerImage {
 public:
  /// Precondition: rows > 0.
  explicit RowsPerImage(int64_t rows);
  ~RowsPerImage();
  RowsPerImage(const RowsPerImage&) = delete;
  RowsPerImage& operator=(const RowsPerImage&) = delete;

  /// 1 where none lives.
  static int64_t current();

 private:
  int64_t outer_;
};

}  // namespace nearfar
