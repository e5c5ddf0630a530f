// Judging while a run trains: a seeded sample of the labelled training images, a part of it held
// out.
#include "framework/evaluate/online.h"

#include <torch/types.h>

#include "framework/evaluate/labelled_subset.h"
#include "framework/evaluate/nearest_neighbors.h"

namespace nearfar {

OnlineSplit online_split(const at::Tensor& label, int64_t classes, const OnlineConfig& config,
                         uint64_t seed) {
  const at::Tensor labelled = (label >= 0).nonzero().squeeze(1);
  const at::Tensor sample =
      labelled.index_select(0, sample_positions(labelled.size(0), config.images, seed));
  const auto folds = stratified_folds(label.index_select(0, sample), classes, config.folds, seed);
  if (folds.empty()) return {sample, at::empty({0}, at::kLong)};
  return {sample.index_select(0, folds.front().fit),
          sample.index_select(0, folds.front().held_out)};
}

std::vector<std::pair<std::string, double>> judge_online(
    const at::Tensor& learned, const at::Tensor& learned_label, const at::Tensor& judged,
    const at::Tensor& judged_label, int64_t classes, const OnlineConfig& config,
    const LinearProbeConfig& linear, uint64_t seed) {
  const at::NoGradGuard no_grad;
  std::vector<std::pair<std::string, double>> result;
  if (config.methods != "linear") {
    const Neighbors neighbors = nearest_neighbors(learned, judged, config.k);
    const at::Tensor scores = vote(neighbors, learned_label, classes, config.k, config.temperature);
    result.emplace_back("knn", judge(scores, judged_label).top1);
  }
  if (config.methods != "knn") {
    const LinearProbeResult probe =
        linear_probe(learned, learned_label, judged, judged_label, classes, linear, seed);
    result.emplace_back("linear", probe.accuracy.top1);
  }
  return result;
}

}  // namespace nearfar
