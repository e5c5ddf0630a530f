// Judges by the linear probe: top-1 of logistic regression on standardised features.
#include <vector>

#include "framework/error.h"
#include "framework/evaluate/confusion.h"
#include "framework/evaluate/linear_probe.h"
#include "framework/evaluate/method.h"
#include "framework/evaluate/report.h"

namespace nearfar {
namespace {

void check_l2(const EvaluationInputs&, const EvaluationConfig& config) {
  const LinearProbeConfig& linear = config.linear;
  if (linear.l2_strongest >= linear.l2_weakest) return;
  throw ConfigError("evaluate.linear.l2_weakest: expected at most l2_strongest, " +
                    to_text(Json(linear.l2_strongest), -1) + ", found " +
                    to_text(Json(linear.l2_weakest), -1));
}

Json judge_linear(const EvaluationTask& task) {
  std::vector<LinearProbeResult> results;
  for (const LabelledDraw& draw : task.draws) {
    results.push_back(linear_probe(
        task.rows(task.features.train, draw), task.rows(task.inputs.train_label, draw),
        task.features.test, task.inputs.test_label, task.classes(), task.config.linear, draw.seed));
  }
  Json report = linear_report(results, task.config.linear, task.draws.front().positions.size(0));
  add_confusion(report, task, results.front().accuracy);
  return report;
}

}  // namespace

const EvaluationMethod kLinearMethod{"linear", "top1", "top-1", "", true, judge_linear, check_l2};

}  // namespace nearfar
