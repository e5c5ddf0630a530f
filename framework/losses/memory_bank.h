// The memory bank of instance discrimination: a row for each image of the data set.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "distributed/group.h"
#include "distributed/shard.h"

namespace nearfar {

/// Rows of a bank (Wu et al. 2018), without gradient.
struct MemoryBank {
  at::Tensor
      rows;     // [place.size(), d], row i for image place.begin + i; float32, float64, bfloat16
  Shard place;  // which of all images have their rows here
  /// Each rank holds the rows of its own shard(); otherwise every rank holds those of all images.
  bool sharded = false;
};

/// The rows of the images that this rank's samples show: index [n] int64 -> [n, d] in `type`. own
/// is this rank's shard of the global batch. Throws c10::Error for images that the bank has no rows
/// for (on the CPU; a GPU traps). Sharded, a collective: indices and rows travel.
at::Tensor rows_of_images(Group& group, const MemoryBank& bank, const at::Tensor& index,
                          const Shard& own, at::ScalarType type);

/// row <- unit(momentum * row + (1 - momentum) * unit(feature)) for the images of the global batch,
/// the others stay. feature [n, d], index [n] are this rank's. Every rank applies the updates of
/// all ranks, in rank order; where several samples show one image, the last one counts, from the
/// row as it was. A collective.
void update_bank(Group& group, const MemoryBank& bank, const at::Tensor& feature,
                 const at::Tensor& index, double momentum, const Shard& own);

}  // namespace nearfar
