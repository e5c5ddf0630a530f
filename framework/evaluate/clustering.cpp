// Clusters test images by k-means and asks what the clusters know of the labels.
#include "framework/evaluate/clustering.h"

#include <torch/types.h>

#include <tuple>

#include "framework/evaluate/cosines.h"
#include "framework/evaluate/k_means.h"
#include "framework/evaluate/labelled_subset.h"

namespace nearfar {

Clustering cluster_images(const at::Tensor& features, const at::Tensor& label,
                          const ClusteringConfig& config, uint64_t seed, uint64_t sample_seed) {
  const at::NoGradGuard no_grad;
  TORCH_CHECK(features.dim() == 2 && label.dim() == 1 && label.size(0) == features.size(0) &&
                  label.size(0) > 0,
              "cluster_images: expected features [N, d] and label [N], N > 0, got ",
              features.sizes(), " and ", label.sizes());
  const at::Tensor sample = sample_positions(label.size(0), config.images, sample_seed);
  const at::Tensor rows = unit_rows(features.index_select(0, sample));
  const at::Tensor truth = label.index_select(0, sample);
  Clustering result;
  result.images = truth.size(0);
  result.clusters = std::get<0>(at::_unique(truth)).size(0);
  KMeansOptions options;
  options.max_iterations = config.iterations;
  const KMeans found = k_means(rows, result.clusters, config.restarts, seed, options);
  result.scores = clustering_scores(truth, found.assignment);
  result.inertia = found.inertia / static_cast<double>(result.images);
  result.converged = found.converged;
  return result;
}

}  // namespace nearfar
