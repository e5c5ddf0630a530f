// Judges an encoder beside its untrained self and raw pixels, by method and share of labels used.
#include "framework/evaluate/evaluation.h"

#include <torch/types.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "framework/evaluate/labelled_subset.h"
#include "framework/evaluate/report.h"

namespace nearfar {
namespace {

/// The labelled images of one draw.
struct LabelledDraw {
  uint64_t seed = 0;
  at::Tensor positions;
};

/// What a method needs to judge one source with one share of the labels.
struct Task {
  const SplitFeatures& features;
  const EvaluationInputs& inputs;
  const EvaluationConfig& config;
  const std::vector<LabelledDraw>& draws;
  int64_t classes;

  at::Tensor rows(const at::Tensor& all, const LabelledDraw& draw) const {
    return draw.positions.size(0) == all.size(0) ? all : all.index_select(0, draw.positions);
  }
};

std::vector<LabelledDraw> make_draws(const EvaluationInputs& inputs, const EvaluationConfig& config,
                                     double fraction, int64_t count) {
  const auto classes = static_cast<int64_t>(inputs.data.class_names.size());
  std::vector<LabelledDraw> draws;
  for (int64_t i = 0; i < (fraction == 1.0 ? 1 : count); ++i) {
    const auto seed = static_cast<uint64_t>(config.seed + i);
    draws.push_back({seed, balanced_draw(inputs.train_label, classes, fraction, seed)});
  }
  return draws;
}

Json judge_linear(const Task& task) {
  std::vector<LinearProbeResult> results;
  for (const LabelledDraw& draw : task.draws) {
    results.push_back(linear_probe(
        task.rows(task.features.train, draw), task.rows(task.inputs.train_label, draw),
        task.features.test, task.inputs.test_label, task.classes, task.config.linear, draw.seed));
  }
  return linear_report(results, task.config.linear, task.draws.front().positions.size(0));
}

Json judge_knn(const Task& task) {
  std::vector<KnnResult> results;
  for (const LabelledDraw& draw : task.draws) {
    results.push_back(knn_protocol(
        task.rows(task.features.train, draw), task.rows(task.inputs.train_label, draw),
        task.features.test, task.inputs.test_label, task.classes, task.config.knn, draw.seed));
  }
  return knn_report(results, task.config.knn, task.draws.front().positions.size(0));
}

Json judge_knn_at_its_best(const Task& task) {
  std::vector<std::vector<Accuracy>> results;
  for (const LabelledDraw& draw : task.draws) {
    results.push_back(knn_sweep(task.rows(task.features.train, draw),
                                task.rows(task.inputs.train_label, draw), task.features.test,
                                task.inputs.test_label, task.classes, task.config.knn,
                                /*plain=*/true, /*centred=*/true));
  }
  return best_knn_report(results, task.config.knn, task.draws.front().positions.size(0));
}

void check_labels(const at::Tensor& label, int64_t classes, const std::string& part,
                  const DatasetInfo& data) {
  if (!label.defined() || label.numel() == 0) {
    throw DataError(data.path + ": expected a " + part +
                    " part with images to evaluate on, found none");
  }
  const int64_t low = label.min().item<int64_t>();
  const int64_t high = label.max().item<int64_t>();
  if (low < 0) {
    throw DataError(data.path + ": expected a label for every image of the " + part +
                    " part, found images without one");
  }
  if (high >= classes) {
    throw DataError(data.path + ": expected labels of the " + part + " part below " +
                    std::to_string(classes) + ", found " + std::to_string(high));
  }
}

void check_inputs(const EvaluationInputs& inputs, const EvaluationConfig& config) {
  const auto classes = static_cast<int64_t>(inputs.data.class_names.size());
  if (classes < 2) {
    throw DataError(inputs.data.path +
                    ": expected labels of at least two classes to evaluate with, found " +
                    std::to_string(classes));
  }
  check_labels(inputs.train_label, classes, "training", inputs.data);
  check_labels(inputs.test_label, classes, "test", inputs.data);
  if (config.fractions.empty() || config.fractions.size() != config.draws.size()) {
    throw ConfigError("evaluate.draws: expected one number for each of the " +
                      std::to_string(config.fractions.size()) + " fractions, found " +
                      std::to_string(config.draws.size()));
  }
  for (const SplitFeatures* source : {&inputs.encoder, &inputs.untrained, &inputs.raw_pixels}) {
    if (!source->train.defined()) continue;
    TORCH_CHECK(source->train.size(0) == inputs.train_label.size(0) && source->test.defined() &&
                    source->test.size(0) == inputs.test_label.size(0),
                "evaluate: expected features for each of ", inputs.train_label.size(0), " and ",
                inputs.test_label.size(0), " labels");
  }
}

Json describe_data(const EvaluationInputs& inputs) {
  Json classes = Json::array();
  for (const std::string& name : inputs.data.class_names) classes.push_back(name);
  return Json::object({{"name", inputs.data.name},
                       {"path", inputs.data.path},
                       {"format", inputs.data.format},
                       {"train", inputs.train_label.size(0)},
                       {"test", inputs.test_label.size(0)},
                       {"classes", classes}});
}

using Judge = Json (*)(const Task&);

Judge find_judge(const std::string& method, const std::string& source) {
  if (method == "linear") return judge_linear;
  return source == "raw_pixels" ? judge_knn_at_its_best : judge_knn;
}

}  // namespace

std::vector<std::string> evaluation_methods(const std::string& list) {
  std::vector<std::string> methods;
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    const std::string method = list.substr(begin, end - begin);
    if (method != "linear" && method != "knn") {
      throw ConfigError("evaluate.methods: expected linear or knn, found \"" + method + "\"");
    }
    if (std::find(methods.begin(), methods.end(), method) != methods.end()) {
      throw ConfigError("evaluate.methods: expected each method once, found \"" + method +
                        "\" twice");
    }
    methods.push_back(method);
    begin = end + 1;
  }
  return methods;
}

Json evaluate(const EvaluationInputs& inputs, const EvaluationConfig& config, Log& log) {
  const at::NoGradGuard no_grad;
  const std::vector<std::string> methods = evaluation_methods(config.methods);
  check_inputs(inputs, config);
  const std::pair<const char*, const SplitFeatures&> sources[] = {
      {"encoder", inputs.encoder},
      {"untrained", inputs.untrained},
      {"raw_pixels", inputs.raw_pixels}};
  const auto classes = static_cast<int64_t>(inputs.data.class_names.size());
  Json document = Json::object({{"data", describe_data(inputs)}});
  for (const std::string& method : methods) {
    for (const auto& [name, features] : sources) {
      if (!features.train.defined()) continue;
      for (size_t i = 0; i < config.fractions.size(); ++i) {
        const double fraction = config.fractions[i];
        const auto draws = make_draws(inputs, config, fraction, config.draws[i]);
        const Task task{features, inputs, config, draws, classes};
        Json entry = find_judge(method, name)(task);
        log.info("evaluation: " + method + ", " + name + ", " + percent_text(fraction) +
                 " of the labels: top-1 " + percent_text(entry.at("top1").as_double()));
        document["methods"][method][name][fraction_key(fraction)] = std::move(entry);
      }
    }
  }
  return document;
}

}  // namespace nearfar
