// Better positives: prototypes of clusters, nearest neighbours.
#pragma once

#include <ATen/core/Tensor.h>

#include "distributed/group.h"
#include "distributed/shard.h"

namespace nearfar {

/// One clustering of the data, as a batch sees it.
struct Prototypes {
  at::Tensor rows_kd;          // unit rows
  at::Tensor concentration_k;  // above 0
  at::Tensor assignment_n;     // int64: the prototype of each query
};

/// Which prototypes a query is told from.
struct PrototypeNegatives {
  at::Tensor of_query_nr;  // int64, r of its own (Li et al. 2021, equation 11); or
  at::Tensor shared_r;     // int64, r for all, beside those assigned to any query of the global
                           // batch, repetitions included (the released code); neither: all
};

/// ProtoNCE's term of one clustering: the mean cross entropy of query . prototype / concentration,
/// each prototype by its own, against the assigned one. query [n, d] is this rank's shard,
/// normalised inside; prototypes carry no gradient. The mean over ranks is that of the global
/// batch.
at::Tensor proto_nce(Group& group, const at::Tensor& query, const Prototypes& prototypes,
                     const PrototypeNegatives& negatives, const Shard& own);

/// The concentration of clusters (Li et al. 2021, section 3.3, with the clipping of the released
/// run_kmeans): the mean distance of the Z members over log(Z + 10); clusters with fewer than two
/// members take the largest; clipped to the 10th and 90th percentile; times temperature over the
/// mean. features [N, d], centroids [k, d], assignment [N] int64.
struct Concentration {
  at::Tensor raw, filled, clipped, concentration;  // [k]
};
Concentration cluster_concentration(const at::Tensor& features, const at::Tensor& centroids,
                                    const at::Tensor& assignment, double temperature);

/// NNCLR (Dwibedi et al. 2021, algorithm 1): nearest neighbours of the projections z in the support
/// set (unit rows [Q, d]) against the predictions of the other view, of all ranks:
/// (L(nn(z1), p2) + L(nn(z2), p1)) / 2 with L the mean cross entropy of nn p^T / T against the
/// diagonal. Gradients to p alone. A result that is multiplied afterwards is refused, as
/// info_nce's.
struct Nnclr {
  at::Tensor loss, neighbour1, neighbour2;  // neighbours: [n] int64 rows of the support set
};
Nnclr nnclr_loss(Group& group, const at::Tensor& z1, const at::Tensor& z2, const at::Tensor& p1,
                 const at::Tensor& p2, const at::Tensor& support, double temperature,
                 const Shard& own);

}  // namespace nearfar
