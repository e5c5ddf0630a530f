// Judges by the linear probe of the papers: top-1 of a classifier trained by SGD on augmented
// views.
#include <torch/types.h>

#include <vector>

#include "framework/evaluate/confusion.h"
#include "framework/evaluate/linear_sgd.h"
#include "framework/evaluate/method.h"
#include "framework/evaluate/report.h"

namespace nearfar {
namespace {

template <typename Value>
Json list(const std::vector<Value>& values) {
  Json result = Json::array();
  for (const Value& value : values) result.push_back(Json(value));
  return result;
}

/// Every setting with its held-out top-1, and the chosen one: one draw.
Json sweep_json(const LinearSgdResult& result, const std::vector<SgdSetting>& settings) {
  Json sweep = Json::array();
  for (size_t i = 0; i < settings.size(); ++i) {
    sweep.push_back(Json::object(
        {{"learning_rate", settings[i].learning_rate},
         {"weight_decay", settings[i].weight_decay},
         {"held_out_top1", result.held_out.empty() ? Json() : Json(result.held_out[i])}}));
  }
  return Json::object({{"learning_rate", settings[result.chosen].learning_rate},
                       {"weight_decay", settings[result.chosen].weight_decay},
                       {"batch", result.batch},
                       {"epochs", result.epochs},
                       {"held_out_parts", result.parts},
                       {"sweep", sweep}});
}

Json settings_json(const EvaluationTask& task, const std::vector<LinearSgdResult>& results) {
  const LinearSgdConfig& config = task.config.linear_sgd;
  Json draws = Json::array();
  for (const LinearSgdResult& result : results) {
    draws.push_back(sweep_json(result, linear_sgd_settings(config)));
  }
  Json settings = Json::object({{"labelled", task.draws.front().positions.size(0)},
                                {"chosen_on", "held-out training images"},
                                {"scaling", "learning rates times batch / 256"},
                                {"folds", config.folds},
                                {"momentum", config.momentum},
                                {"nesterov", config.nesterov},
                                {"schedule", config.schedule},
                                {"augment", config.augment}});
  if (config.schedule == "step") settings["milestones"] = list(config.milestones);
  if (config.augment) {
    settings["view"] = Json::object({{"crop_min", config.view.crop_min},
                                     {"crop_max", config.view.crop_max},
                                     {"flip", config.view.flip}});
  }
  settings["draws"] = std::move(draws);
  return settings;
}

void check_sweep(const EvaluationInputs&, const EvaluationConfig& config) {
  check_linear_sgd(config.linear_sgd);
}

Json judge_linear_sgd(const EvaluationTask& task) {
  const LinearSgdConfig& config = task.config.linear_sgd;
  TORCH_CHECK(!config.augment || task.features.augmented,
              "linear_sgd: expected augmented views of ", task.source, ", got none");
  const TrainingViews views =
      config.augment ? task.features.augmented : fixed_features(task.features.train);
  std::vector<LinearSgdResult> results;
  std::vector<Accuracy> accuracies;
  for (const LabelledDraw& draw : task.draws) {
    const ProbeData data{draw.positions,
                         task.rows(task.features.train, draw),
                         task.rows(task.inputs.train_label, draw),
                         task.features.test,
                         task.inputs.test_label,
                         task.classes()};
    results.push_back(linear_sgd(views, data, config, draw.seed));
    accuracies.push_back(results.back().accuracy);
  }
  Json report = accuracy_report(accuracies);
  report["settings"] = settings_json(task, results);
  add_confusion(report, task, accuracies.front());
  return report;
}

}  // namespace

const EvaluationMethod kLinearSgdMethod{"linear_sgd", "top1",           "top-1",    "",
                                        true,         judge_linear_sgd, check_sweep};

}  // namespace nearfar
