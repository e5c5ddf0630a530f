// Judges by nearest neighbours: top-1 of the weighted vote, its settings chosen on training labels.
#include <vector>

#include "framework/evaluate/confusion.h"
#include "framework/evaluate/knn_protocol.h"
#include "framework/evaluate/method.h"
#include "framework/evaluate/report.h"

namespace nearfar {
namespace {

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
    "knn", "top1",   "top-1", "raw pixels get the setting that is best on the test set",
    true,  judge_knn};

}  // namespace nearfar
