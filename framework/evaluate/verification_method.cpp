// Judges by verification: whether the cosine tells pairs of one class from pairs of two.
#include <array>
#include <string>
#include <utility>

#include "framework/error.h"
#include "framework/evaluate/centring.h"
#include "framework/evaluate/cosines.h"
#include "framework/evaluate/method.h"
#include "framework/evaluate/report.h"
#include "framework/evaluate/roc.h"
#include "framework/evaluate/verification.h"

namespace nearfar {
namespace {

constexpr std::array<double, 4> kFar{1e-1, 1e-2, 1e-3, 1e-4};
constexpr int64_t kOutlinePoints = 60;

/// Two of each kind: one to choose a threshold on, one to judge.
void check_pairs(const EvaluationInputs& inputs, const EvaluationConfig& config) {
  const PairSample pairs = sample_pairs(inputs.test_label, 2, static_cast<uint64_t>(config.seed));
  if (pairs.all_positives >= 2 && pairs.all_negatives >= 2) return;
  throw DataError(inputs.data.path +
                  ": expected at least two pairs of test images of one class and of two classes to "
                  "verify, found " +
                  std::to_string(pairs.all_positives) + " and " +
                  std::to_string(pairs.all_negatives));
}

ScoredPairs score_pairs(const EvaluationTask& task, const at::Tensor& features) {
  ScoredPairs scored;
  scored.pairs = sample_pairs(task.inputs.test_label, task.config.verification.pairs,
                              static_cast<uint64_t>(task.config.seed));
  const at::Tensor rows = unit_rows(features);
  scored.positive_scores = pair_cosines(rows, scored.pairs.positives);
  scored.negative_scores = pair_cosines(rows, scored.pairs.negatives);
  return scored;
}

Json curve_json(const RocCurve& curve) {
  Json points = Json::array();
  for (const auto& [far, tar] : outline(curve, kOutlinePoints)) {
    points.push_back(Json::array({far, tar}));
  }
  return points;
}

Json tar_at_far(const RocCurve& curve) {
  Json result;
  for (const double far : kFar) {
    const auto point = point_at_far(curve, far);
    result[fraction_key(far)] = point ? Json(curve.tar(*point)) : Json();
  }
  return result;
}

Json settings_json(const VerificationConfig& config, const PairSample& pairs) {
  return Json::object({{"similarity", "cosine"},
                       {"pairs", "all, or a seeded sample of each kind"},
                       {"most_pairs", config.pairs},
                       {"all_positives", pairs.all_positives},
                       {"all_negatives", pairs.all_negatives},
                       {"folds", config.folds},
                       {"interval", "percentiles over " + std::to_string(config.replicates) +
                                        " resamplings of the images"}});
}

Json judge_features(const EvaluationTask& task, const SplitFeatures& features) {
  const VerificationConfig& config = task.config.verification;
  const auto seed = static_cast<uint64_t>(task.config.seed);
  const ScoredPairs scored = score_pairs(task, features.test);
  const RocCurve curve = roc_curve(scored.positive_scores, scored.negative_scores);
  const MeanAndSpread accuracy = accuracy_on_folds(scored, config.folds, seed);
  Json entry = headline_report(
      "auc", {auc(curve)},
      auc_interval(scored, task.inputs.test_label.size(0), config.replicates, seed));
  entry["eer"] = equal_error_rate(curve);
  entry["accuracy"] =
      Json::object({{"mean", accuracy.mean}, {"spread", accuracy.spread}, {"folds", config.folds}});
  entry["tar_at_far"] = tar_at_far(curve);
  entry["positives"] = curve.positives;
  entry["negatives"] = curve.negatives;
  entry["smallest_far"] = 1.0 / static_cast<double>(curve.negatives);
  entry["roc"] = curve_json(curve);
  entry["settings"] = settings_json(config, scored.pairs);
  return entry;
}

Json judge_verification(const EvaluationTask& task) {
  return judge_centring(task, "auc", [&](bool centred) {
    return judge_features(task, centred ? centre(task.features) : task.features);
  });
}

}  // namespace

const EvaluationMethod kVerificationMethod{
    "verification",
    "auc",
    "ROC AUC",
    "ROC AUC is the chance that two test images of one class have a larger cosine than two of "
    "different classes, 50 for guessing; raw pixels are centred where that is better on the test "
    "set",
    false,
    judge_verification,
    check_pairs};

}  // namespace nearfar
