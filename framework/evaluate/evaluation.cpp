// Judges an encoder beside its untrained self and raw pixels, by method and share of labels used.
#include "framework/evaluate/evaluation.h"

#include <torch/types.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "framework/evaluate/labelled_subset.h"
#include "framework/evaluate/method.h"
#include "framework/evaluate/report.h"

namespace nearfar {
namespace {

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

void check_all_labels(const EvaluationInputs& inputs) {
  const auto classes = static_cast<int64_t>(inputs.data.class_names.size());
  if (classes < 2) {
    throw DataError(inputs.data.path +
                    ": expected labels of at least two classes to evaluate with, found " +
                    std::to_string(classes));
  }
  check_labels(inputs.train_label, classes, "training", inputs.data);
  check_labels(inputs.test_label, classes, "test", inputs.data);
}

void check_fractions(const EvaluationConfig& config) {
  if (config.fractions.empty() || config.fractions.size() != config.draws.size()) {
    throw ConfigError("evaluate.draws: expected one number for each of the " +
                      std::to_string(config.fractions.size()) + " fractions, found " +
                      std::to_string(config.draws.size()));
  }
  std::set<std::string> keys;
  for (const double fraction : config.fractions) {
    if (keys.insert(fraction_key(fraction)).second) continue;
    throw ConfigError("evaluate.fractions: expected each share once, found " +
                      fraction_key(fraction) + " twice");
  }
}

void check_fitted_classes(const EvaluationInputs& inputs, const std::string& method) {
  const auto classes = static_cast<int64_t>(inputs.data.class_names.size());
  const at::Tensor asked = at::bincount(inputs.test_label, {}, classes) > 0;
  const at::Tensor known = at::bincount(inputs.train_label, {}, classes) > 0;
  const at::Tensor missing = asked.logical_and(known.logical_not()).nonzero().squeeze(1);
  if (missing.numel() == 0) return;
  throw DataError(inputs.data.path + ": " + method +
                  ": expected training images of every class of the test part, found none of " +
                  std::to_string(missing.numel()) + " of its " +
                  std::to_string(asked.sum().item<int64_t>()) + " classes, \"" +
                  inputs.data.class_names[missing[0].item<int64_t>()] +
                  "\" for one; what judges without: --methods retrieval,verification,clustering");
}

/// Labels of one class leave nothing to tell apart.
void check_method(const EvaluationMethod& method, const EvaluationInputs& inputs,
                  const EvaluationConfig& config) {
  const at::Tensor& label = inputs.train_label;
  if (method.fits_labels && (label == label[0]).all().item<bool>()) {
    throw DataError(inputs.data.path + ": expected training images of at least two classes for " +
                    method.name + ", found " + std::to_string(label.size(0)) + " of \"" +
                    inputs.data.class_names[label[0].item<int64_t>()] + "\" alone");
  }
  if (method.fits_labels) check_fitted_classes(inputs, method.name);
  if (method.check != nullptr) method.check(inputs, config);
}

void check_features(const EvaluationInputs& inputs) {
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

/// Judges one source with every share of the labels that the method asks for.
Json judge_source(const EvaluationMethod& method, const std::string& source,
                  const SplitFeatures& features, const EvaluationInputs& inputs,
                  const EvaluationConfig& config, Log& log) {
  const std::vector<double> all{1.0};
  const std::vector<double>& fractions = method.fits_labels ? config.fractions : all;
  Json entries;
  for (size_t i = 0; i < fractions.size(); ++i) {
    const auto draws = make_draws(inputs, config, fractions[i], config.draws[i]);
    Json entry = method.judge({source, features, inputs, config, fractions[i], draws});
    const std::string labels =
        method.fits_labels ? ", " + percent_text(fractions[i]) + " of the labels" : "";
    log.info(std::string("evaluation: ") + method.name + ", " + source + labels + ": " +
             method.title + " " + percent_text(entry.at(method.headline).as_double()));
    entries[fraction_key(fractions[i])] = std::move(entry);
  }
  return entries;
}

}  // namespace

void check_evaluation(const EvaluationInputs& inputs, const EvaluationConfig& config) {
  const at::NoGradGuard no_grad;
  const std::vector<std::string> methods = evaluation_methods(config.methods);
  check_all_labels(inputs);
  check_fractions(config);
  for (const std::string& method : methods) check_method(find_method(method), inputs, config);
}

Json evaluate(const EvaluationInputs& inputs, const EvaluationConfig& config, Log& log) {
  const at::NoGradGuard no_grad;
  const std::vector<std::string> methods = evaluation_methods(config.methods);
  check_evaluation(inputs, config);
  check_features(inputs);
  const std::pair<const char*, const SplitFeatures&> sources[] = {
      {"encoder", inputs.encoder},
      {"untrained", inputs.untrained},
      {"raw_pixels", inputs.raw_pixels}};
  Json document = Json::object({{"data", describe_data(inputs)}});
  for (const std::string& method : methods) {
    for (const auto& [name, features] : sources) {
      if (!features.train.defined()) continue;
      document["methods"][method][name] =
          judge_source(find_method(method), name, features, inputs, config, log);
    }
  }
  return document;
}

}  // namespace nearfar
