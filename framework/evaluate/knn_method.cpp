// Judges by nearest neighbours: top-1 of the weighted vote, its settings chosen on training labels.
#include <algorithm>
#include <string>
#include <vector>

#include "framework/error.h"
#include "framework/evaluate/confusion.h"
#include "framework/evaluate/knn_protocol.h"
#include "framework/evaluate/method.h"
#include "framework/evaluate/report.h"

namespace nearfar {
namespace {

void check_sweep(const EvaluationInputs&, const EvaluationConfig& config) {
  const KnnConfig& knn = config.knn;
  if (knn.k.empty() || knn.temperature.empty()) {
    throw ConfigError(std::string("evaluate.knn.") + (knn.k.empty() ? "k" : "temperature") +
                      ": expected at least one value, found none");
  }
  const auto smaller = std::is_sorted_until(knn.k.begin(), knn.k.end());
  if (smaller == knn.k.end()) return;
  throw ConfigError("evaluate.knn.k: expected ascending numbers, found " +
                    std::to_string(*smaller) + " after " + std::to_string(*(smaller - 1)));
}

Json judge_at_its_best(const EvaluationTask& task) {
  std::vector<std::vector<Accuracy>> results;
  for (const LabelledDraw& draw : task.draws) {
    results.push_back(knn_sweep(task.rows(task.features.train, draw),
                                task.rows(task.inputs.train_label, draw), task.features.test,
                                task.inputs.test_label, task.classes(), task.config.knn,
                                /*plain=*/true, /*centred=*/true));
  }
  return best_knn_report(results, task.config.knn, task.draws.front().positions.size(0));
}

Json judge_knn(const EvaluationTask& task) {
  if (task.is_baseline_to_beat()) return judge_at_its_best(task);
  std::vector<KnnResult> results;
  for (const LabelledDraw& draw : task.draws) {
    results.push_back(knn_protocol(
        task.rows(task.features.train, draw), task.rows(task.inputs.train_label, draw),
        task.features.test, task.inputs.test_label, task.classes(), task.config.knn, draw.seed));
  }
  Json report = knn_report(results, task.config.knn, task.draws.front().positions.size(0));
  add_confusion(report, task, results.front().test[results.front().chosen]);
  return report;
}

}  // namespace

const EvaluationMethod kKnnMethod{
    "knn", "top1",    "top-1",    "raw pixels get the setting that is best on the test set",
    true,  judge_knn, check_sweep};

}  // namespace nearfar
