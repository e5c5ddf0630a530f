// Judges by k-means: how well clusters of test images agree with their classes.
#include <vector>

#include "framework/evaluate/centring.h"
#include "framework/evaluate/clustering.h"
#include "framework/evaluate/method.h"
#include "framework/evaluate/report.h"

namespace nearfar {
namespace {

Json judge_features(const EvaluationTask& task, const SplitFeatures& features) {
  const ClusteringConfig& config = task.config.clustering;
  const auto sample_seed = static_cast<uint64_t>(task.config.seed);
  std::vector<double> ami, error, nmi, nmi_sqrt, inertia;
  Json converged = Json::array();
  Clustering last;
  for (int64_t i = 0; i < config.seeds; ++i) {
    last = cluster_images(features.test, task.inputs.test_label, config,
                          sample_seed + static_cast<uint64_t>(i), sample_seed);
    ami.push_back(last.scores.ami);
    error.push_back(last.scores.ami_error);
    nmi.push_back(last.scores.nmi);
    nmi_sqrt.push_back(last.scores.nmi_sqrt);
    inertia.push_back(last.inertia);
    converged.push_back(last.converged);
  }
  const auto interval =
      normal_interval(mean_and_spread(ami).mean, mean_and_spread(error).mean, -1.0);
  Json entry = headline_report("ami", ami, interval);
  entry["nmi"] = mean_and_spread(nmi).mean;
  entry["nmi_sqrt"] = mean_and_spread(nmi_sqrt).mean;
  entry["clusters"] = last.clusters;
  entry["images"] = last.images;
  entry["inertia"] = mean_and_spread(inertia).mean;
  entry["settings"] = Json::object({{"rows", "unit norm"},
                                    {"restarts", config.restarts},
                                    {"iterations", config.iterations},
                                    {"converged", converged},
                                    {"interval", "normal, over images, the clustering held"}});
  return entry;
}

Json judge_clustering(const EvaluationTask& task) {
  return judge_centring(task, "ami", [&](bool centred) {
    return judge_features(task, centred ? centre(task.features) : task.features);
  });
}

}  // namespace

const EvaluationMethod kClusteringMethod{
    "clustering",
    "ami",
    "AMI",
    "AMI is the information that k-means clusters and classes of test images share, 0 by chance, "
    "100 when they are the same; raw pixels are centred where that is better on the test set",
    false,
    judge_clustering};

}  // namespace nearfar
