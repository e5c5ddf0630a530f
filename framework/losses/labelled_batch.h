// The embeddings of the global batch with their labels, as one rank sees them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "distributed/group.h"
#include "distributed/shard.h"

namespace nearfar {

// Shapes here and in the losses over labelled batches: n rows of this rank, which are the anchors
// that it answers for, N rows of all ranks, d dimensions.

/// Each rank computes the terms of its own anchors against everybody's rows. Gradients of rows of
/// other ranks travel back in backward: every rank must differentiate its loss.
struct LabelledBatch {
  at::Tensor anchors_nd;  // this rank's rows
  at::Tensor all_Nd;      // with gradient
  at::Tensor label_n, label_N;
  int64_t begin = 0;  // of the anchors among all rows

  /// [n, N] bool: rows of the anchor's label, without the anchor itself.
  at::Tensor positives() const;
  /// [n, N] bool: rows of another label.
  at::Tensor negatives() const;
};

/// Embeddings [n, d], widened to float32 where they are bfloat16, for losses that look at no other
/// rank's rows. Throws c10::Error that begins with the loss's name for other shapes and types, also
/// of labels [n] int64.
at::Tensor checked_embeddings(const char* name, const at::Tensor& embeddings,
                              const at::Tensor& label, const Shard& own);

/// Gathers embeddings [n, d] (float32 or float64; bfloat16 is widened to float32) and labels [n]
/// int64 of all ranks. Throws c10::Error as checked_embeddings, and for rows that are not this
/// rank's shard.
LabelledBatch gather_labelled(const char* name, Group& group, const at::Tensor& embeddings,
                              const at::Tensor& label, const Shard& own);

/// W times the sum of this rank's terms over the count of all ranks' terms: the mean over ranks of
/// it is the mean of all terms. 0 where nobody has a term. `count` is 0-d; a collective.
at::Tensor mean_over_ranks(Group& group, const at::Tensor& sum, const at::Tensor& count);

/// What the terms of an unfinished mean are reduced by.
enum class Reduction {
  mean,     // over all terms
  nonzero,  // over those that are not 0
};

}  // namespace nearfar
