// Softmax over classes with weights of their own: plain, on the sphere, and with margins.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "distributed/group.h"
#include "distributed/shard.h"

namespace nearfar {

// Shapes: n rows of this rank, N rows of all ranks, C classes, d dimensions.

/// A weight for each class: [C, d] on every rank, or this rank's shard() of them, so that a million
/// classes fit. Sharded, every rank computes the loss of all rows over its classes, and the
/// gradient at its weights is W times that of the mean loss: as everywhere, what averaging over
/// ranks expects, and what a rank that keeps its own weights divides by W.
struct ClassWeights {
  at::Tensor rows;
  Shard classes;  // which they are; begin 0 and end C: all
};

/// All classes on this rank.
ClassWeights all_classes(const at::Tensor& weight);

/// Mean cross entropy of embeddings weight^T + bias; bias [C of this rank] may be undefined.
/// embeddings [n, d], label [n] int64 in [0, C) are this rank's shard; the mean over ranks is the
/// loss of the global batch, for all losses here. Throws c10::Error for labels outside.
at::Tensor softmax_loss(Group& group, const at::Tensor& embeddings, const ClassWeights& weights,
                        const at::Tensor& bias, const at::Tensor& label, const Shard& own);

/// The same with unit embeddings and weights: logits are cosines over a temperature, no bias.
at::Tensor normalized_softmax(Group& group, const at::Tensor& embeddings,
                              const ClassWeights& weights, const at::Tensor& label,
                              double temperature, const Shard& own);

/// The target's logit is scale (cos(m1 theta + m2) - m3), the others' scale cos(theta) (Deng et
/// al. 2019, section 2). CosFace (Wang et al. 2018): m1 = 1, m2 = 0, m3 = 0.35. ArcFace: m1 = 1, m2
/// = 0.5, m3 = 0.
struct AngularMargins {
  double scale = 64.0;
  double m1 = 1.0;
  double m2 = 0.5;  // radians
  double m3 = 0.0;
  /// Where theta + m2 is above pi, cos(theta) - m2 sin(m2) instead, which keeps falling
  /// (insightface); for m1 = 1.
  bool monotone = false;
};

/// Angles come from differences of unit rows, so gradients are finite at cos(theta) = 1 and -1.
at::Tensor combined_margin(Group& group, const at::Tensor& embeddings, const ClassWeights& weights,
                           const at::Tensor& label, const AngularMargins& margins,
                           const Shard& own);

/// A-Softmax (Liu et al. 2017, SphereFace, equation 7): weights normalised, embeddings not; the
/// target's logit is |x| (lambda cos(theta) + psi(theta)) / (1 + lambda), psi(theta) = (-1)^k cos(m
/// theta) - 2k for theta in [k pi / m, (k + 1) pi / m], the others' |x| cos(theta).
at::Tensor a_softmax(Group& group, const at::Tensor& embeddings, const ClassWeights& weights,
                     const at::Tensor& label, int64_t m, double lambda, const Shard& own);

/// The annealing of the released SphereFace code: max(lowest, base (1 + gamma step)^-power).
struct LambdaSchedule {
  double base = 1000.0;
  double gamma = 0.12;
  double power = 1.0;
  double lowest = 5.0;
  double at(int64_t step) const;
};

/// Wen et al. 2016, equation 2, as a mean: half the mean of |x - c_y|^2. centers [C, d] on every
/// rank.
at::Tensor center_loss(Group& group, const at::Tensor& embeddings, const at::Tensor& centers,
                       const at::Tensor& label, const Shard& own);

/// Its centres after a step (equations 3 and 4): c_j - alpha sum_{y_i = j} (c_j - x_i) / (1 + how
/// many), over the rows of all ranks. No gradient.
at::Tensor moved_centers(Group& group, const at::Tensor& embeddings, const at::Tensor& centers,
                         const at::Tensor& label, double alpha);

}  // namespace nearfar
