// Results of the judges as entries of evaluation.json, and numbers as its reader sees them.
#include "framework/evaluate/report.h"

#include <cmath>
#include <cstdio>
#include <utility>

namespace nearfar {
namespace {

/// Shortest text with at most `digits` decimals.
std::string trimmed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  std::string result = text;
  if (result.find('.') == std::string::npos) return result;
  result.erase(result.find_last_not_of('0') + 1);
  if (result.back() == '.') result.pop_back();
  return result;
}

template <typename Item, typename Function>
Json list_of(const std::vector<Item>& items, Function value) {
  Json list = Json::array();
  for (const Item& item : items) list.push_back(Json(value(item)));
  return list;
}

template <typename Item>
Json list_of(const std::vector<Item>& items) {
  return list_of(items, [](const Item& item) { return item; });
}

Json setting_json(const KnnSetting& setting) {
  return Json::object(
      {{"k", setting.k}, {"temperature", setting.temperature}, {"centred", setting.centred}});
}

Json knn_settings_json(const KnnConfig& config, int64_t labelled, const char* chosen_on) {
  return Json::object({{"labelled", labelled},
                       {"chosen_on", chosen_on},
                       {"k", list_of(config.k)},
                       {"temperature", list_of(config.temperature)}});
}

double mean_top1(const std::vector<std::vector<Accuracy>>& draws, size_t setting) {
  double sum = 0.0;
  for (const auto& draw : draws) sum += draw[setting].top1;
  return sum / static_cast<double>(draws.size());
}

/// Mean over the draws that measured this setting on the test set; null when none did.
Json mean_test_top1(const std::vector<KnnResult>& draws, size_t setting) {
  double sum = 0.0;
  int count = 0;
  for (const KnnResult& draw : draws) {
    if (draw.test[setting].count == 0) continue;
    sum += draw.test[setting].top1;
    ++count;
  }
  return count == 0 ? Json() : Json(sum / count);
}

}  // namespace

std::string fraction_key(double fraction) {
  const std::string text = trimmed(fraction, 9);
  return text.find('.') == std::string::npos ? text + ".0" : text;
}

std::string percent_text(double fraction) { return trimmed(100.0 * fraction, 2) + " %"; }

Json headline_report(const char* headline, const std::vector<double>& values,
                     std::pair<double, double> interval) {
  const MeanAndSpread summary = mean_and_spread(values);
  return Json::object({{headline, summary.mean},
                       {"spread", summary.spread},
                       {"seeds", static_cast<int64_t>(values.size())},
                       {"interval", Json::array({interval.first, interval.second})}});
}

Json accuracy_report(const std::vector<Accuracy>& draws) {
  std::vector<double> top1;
  std::vector<double> top5;
  for (const Accuracy& draw : draws) {
    top1.push_back(draw.top1);
    top5.push_back(draw.top5);
  }
  const size_t classes = draws.front().per_class.size();
  std::vector<double> per_class(classes, 0.0);
  for (const Accuracy& draw : draws) {
    for (size_t c = 0; c < classes; ++c) per_class[c] += draw.per_class[c];
  }
  for (double& value : per_class) value /= static_cast<double>(draws.size());
  const MeanAndSpread summary = mean_and_spread(top1);
  const auto [low, high] = wilson_interval(summary.mean, draws.front().count);
  return Json::object({{"top1", summary.mean},
                       {"spread", summary.spread},
                       {"seeds", static_cast<int64_t>(draws.size())},
                       {"top5", classes > 5 ? Json(mean_and_spread(top5).mean) : Json()},
                       {"interval", Json::array({low, high})},
                       {"per_class", list_of(per_class, [](double value) {
                          return std::isnan(value) ? Json() : Json(value);
                        })}});
}

Json linear_report(const std::vector<LinearProbeResult>& draws, const LinearProbeConfig& config,
                   int64_t labelled) {
  std::vector<Accuracy> accuracies;
  for (const auto& draw : draws) accuracies.push_back(draw.accuracy);
  Json report = accuracy_report(accuracies);
  Json search = Json::array();
  for (const auto& draw : draws) {
    search.push_back(
        Json::object({{"l2", list_of(draw.tried)}, {"held_out_top1", list_of(draw.held_out)}}));
  }
  report["settings"] = Json::object(
      {{"labelled", labelled},
       {"chosen_on", "held-out training images"},
       {"held_out_parts", draws.front().parts},
       {"folds", config.folds},
       {"l2", list_of(draws, [](const auto& draw) { return draw.l2; })},
       {"tolerance", config.tolerance},
       {"gradient_norm", list_of(draws, [](const auto& draw) { return draw.gradient_norm; })},
       {"iterations", list_of(draws, [](const auto& draw) { return draw.iterations; })},
       {"converged", list_of(draws, [](const auto& draw) { return draw.converged; })},
       {"sweep", search}});
  return report;
}

Json knn_report(const std::vector<KnnResult>& draws, const KnnConfig& config, int64_t labelled) {
  const std::vector<KnnSetting> settings = knn_settings(config);
  std::vector<Accuracy> accuracies;
  Json chosen = Json::array();
  for (const KnnResult& draw : draws) {
    accuracies.push_back(draw.test[draw.chosen]);
    chosen.push_back(setting_json(settings[draw.chosen]));
  }
  Json sweep = Json::array();
  for (size_t i = 0; i < settings.size(); ++i) {
    std::vector<double> held_out;
    for (const KnnResult& draw : draws) held_out.push_back(draw.held_out[i]);
    Json row = setting_json(settings[i]);
    row["held_out_top1"] = mean_and_spread(held_out).mean;
    row["top1"] = mean_test_top1(draws, i);
    sweep.push_back(std::move(row));
  }
  Json report = accuracy_report(accuracies);
  report["settings"] =
      knn_settings_json(config, labelled, "training images left out one at a time");
  report["settings"]["chosen"] = std::move(chosen);
  report["settings"]["sweep"] = std::move(sweep);
  return report;
}

Json best_knn_report(const std::vector<std::vector<Accuracy>>& draws, const KnnConfig& config,
                     int64_t labelled) {
  const std::vector<KnnSetting> settings = knn_settings(config);
  size_t best = 0;
  Json sweep = Json::array();
  for (size_t i = 0; i < settings.size(); ++i) {
    const double top1 = mean_top1(draws, i);
    if (top1 > mean_top1(draws, best)) best = i;
    Json row = setting_json(settings[i]);
    row["top1"] = top1;
    sweep.push_back(std::move(row));
  }
  std::vector<Accuracy> accuracies;
  for (const auto& draw : draws) accuracies.push_back(draw[best]);
  Json report = accuracy_report(accuracies);
  report["settings"] = knn_settings_json(config, labelled, "the test set: best of the sweep");
  report["settings"]["chosen"] = setting_json(settings[best]);
  report["settings"]["sweep"] = std::move(sweep);
  return report;
}

}  // namespace nearfar
