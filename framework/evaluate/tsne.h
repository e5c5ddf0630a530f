// t-SNE: a map of the plane in which neighbours stay neighbours.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace nearfar {

/// van der Maaten and Hinton, "Visualizing data using t-SNE", JMLR 2008. Exact: time and memory
/// grow with the square of the number of rows.
struct TsneOptions {
  double perplexity = 30.0;    // cut to (N - 1) / 3
  int64_t iterations = 1000;   // of which the first `exaggerated` with exaggeration
  int64_t exaggerated = 250;   // and with the lower momentum
  double exaggeration = 12.0;  // van der Maaten, JMLR 2014
  double first_momentum = 0.5;
  double momentum = 0.8;
};

/// P(j | i) for rows [N, d], N > 1: Gaussians around each row whose perplexity 2^H (equation 1 of
/// the paper) is `perplexity` to a relative 1e-5, by bisection; 0 on the diagonal. [N, N] float64.
/// Where that many rows are equal the perplexity cannot be reached and equal rows share evenly.
at::Tensor neighbor_probabilities(const at::Tensor& rows, double perplexity);

/// (P(j | i) + P(i | j)) / 2N.
at::Tensor joint_probabilities(const at::Tensor& rows, double perplexity);

struct TsneGradient {
  at::Tensor gradient;      // [N, 2] float64: of the divergence by the map
  double divergence = 0.0;  // Kullback-Leibler of the map's Student similarities from P, in nats
};

/// Equation 5 of the paper. joint [N, N] symmetric and map [N, 2], float64.
TsneGradient tsne_gradient(const at::Tensor& joint, const at::Tensor& map);

/// The map [N, 2] float64 of rows [N, d], N > 1, centred. Begins at the first two principal
/// components, scaled to a deviation of 1e-4 (Kobak and Berens, "The art of using t-SNE for
/// single-cell transcriptomics", 2019), with the learning rate N / exaggeration (Belkina et al.
/// 2019), at least 200. The same bits for the same rows and threads. Throws c10::Error for anything
/// but a finite matrix of two rows or more.
at::Tensor tsne(const at::Tensor& rows, const TsneOptions& options = {});

}  // namespace nearfar
