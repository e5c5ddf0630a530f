// Triplet losses: an anchor nearer to its positive than to its negative, by a margin.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "distributed/group.h"
#include "distributed/shard.h"
#include "framework/losses/labelled_batch.h"

namespace nearfar {

/// How far rows are apart for triplets.
struct TripletSpace {
  bool squared = false;   // squared Euclidean (Schroff et al. 2015), else Euclidean
  bool normalize = true;  // unit rows first

  /// [n, N] of rows [n, d] and [N, d].
  at::Tensor distances(const at::Tensor& x, const at::Tensor& y) const;
};

/// Triplets by the excess e = D(a, n) - D(a, p) (Schroff et al. 2015, section 3.2).
enum class TripletKind {
  all,
  easy,       // e > margin: no loss
  semihard,   // 0 < e <= margin
  hard,       // e <= 0
  violating,  // semi-hard and hard
};

/// mean of [D(a, p) - D(a, n) + margin]+ over given triplets [N, d]; no normalisation.
at::Tensor triplet_loss_of_rows(const at::Tensor& anchor, const at::Tensor& positive,
                                const at::Tensor& negative, double margin, bool squared);

/// The same over all triplets of a kind in a labelled batch, anchors this rank's rows, positives
/// and negatives of all ranks. Reduction::nonzero is the batch-all form of Hermans et al. (2017).
/// The sum over negatives comes from sorted rows and their running sums: time n N log N, memory of
/// a few [n, N], no triplet is ever held. 0 where there is none.
struct TripletOptions {
  double margin = 0.2;
  TripletSpace space;
  TripletKind kind = TripletKind::all;
  Reduction reduction = Reduction::nonzero;
};
at::Tensor triplet_loss(Group& group, const at::Tensor& embeddings, const at::Tensor& label,
                        const TripletOptions& options, const Shard& own);

/// The hardest positive and negative of each anchor that has both.
struct HardestRows {
  at::Tensor loss;                // the mean over ranks is over all these anchors
  at::Tensor positive, negative;  // [n] int64, numbers of global rows; -1: it has not both
};

/// Batch-hard (Hermans et al. 2017, equation 5): [D(a, p) - D(a, n) + margin]+, or softplus(D(a, p)
/// - D(a, n)) if soft, farthest p and nearest n.
HardestRows batch_hard(Group& group, const at::Tensor& embeddings, const at::Tensor& label,
                       double margin, bool soft, const TripletSpace& space, const Shard& own);

/// FaceNet's online choice (Schroff et al. 2015, section 3.2, as TensorFlow Addons has it): for
/// each ordered pair of one label the negative with the smallest D(a, n) > D(a, p) or, without one,
/// the farthest negative; the sum of [D(a, p) - D(a, n) + margin]+ over the number of such pairs.
/// Squared distances of unit rows.
struct ChosenNegatives {
  at::Tensor loss;
  at::Tensor negative_nN;  // int64, of each positive pair; -1 elsewhere
};
ChosenNegatives facenet_semihard(Group& group, const at::Tensor& embeddings,
                                 const at::Tensor& label, double margin, const Shard& own);

/// The triplets (anchor, positive, negative) of a kind, sorted: [T, 3] int64. What a list of all
/// takes grows with the third power of the rows; losses do not use it.
at::Tensor list_triplets(const at::Tensor& distances, const at::Tensor& label, TripletKind kind,
                         double margin);

/// TripletKind by its name. Throws ConfigError for another.
TripletKind triplet_kind(const std::string& name);
const std::vector<std::string>& triplet_kind_names();

}  // namespace nearfar
