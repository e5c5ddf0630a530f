// Judges by open-set identification: a gallery that grows, probes that are in none.
#include <torch/types.h>

#include <optional>
#include <string>
#include <vector>

#include "framework/error.h"
#include "framework/evaluate/centring.h"
#include "framework/evaluate/method.h"
#include "framework/evaluate/open_set.h"
#include "framework/evaluate/report.h"

namespace nearfar {
namespace {

/// Mean over the splits; null where one of them has no value.
template <typename Value>
Json mean_over(const std::vector<OpenSetResult>& splits, const Value& value) {
  std::vector<double> values;
  for (const OpenSetResult& split : splits) {
    const std::optional<double> one = value(split);
    if (!one) return {};
    values.push_back(*one);
  }
  return mean_and_spread(values).mean;
}

/// Means of one gallery's scores.
Json gallery_json(const std::vector<OpenSetResult>& splits, OpenSetScores OpenSetResult::*which) {
  const auto mean = [&](const auto& value) {
    return mean_over(splits, [&](const OpenSetResult& split) -> std::optional<double> {
      return value(split.*which);
    });
  };
  Json rates;
  for (size_t i = 0; i < kOpenSetFar.size(); ++i) {
    rates[fraction_key(kOpenSetFar[i])] =
        mean([&](const OpenSetScores& scores) { return scores.dir[i]; });
  }
  return Json::object(
      {{"identities", (splits.front().*which).identities},
       {"mated", mean([](const auto& s) { return static_cast<double>(s.mated); })},
       {"nonmated", mean([](const auto& s) { return static_cast<double>(s.nonmated); })},
       {"rank1", mean([](const auto& s) { return s.rank1; })},
       {"auroc", mean([](const auto& s) { return s.auroc; })},
       {"dir_at_far", rates}});
}

/// What thresholds from the development classes do to the whole gallery, by the rate they were
/// chosen at.
Json carried_json(const std::vector<OpenSetResult>& splits) {
  Json result;
  for (size_t i = 0; i < kOpenSetFar.size(); ++i) {
    const auto mean = [&](double CarriedThreshold::*rate) {
      return mean_over(splits, [&](const OpenSetResult& split) -> std::optional<double> {
        if (!split.carried[i]) return std::nullopt;
        return *split.carried[i].*rate;
      });
    };
    result[fraction_key(kOpenSetFar[i])] = Json::object(
        {{"far", mean(&CarriedThreshold::far)}, {"dir", mean(&CarriedThreshold::dir)}});
  }
  return result;
}

Json roles_json(const std::vector<OpenSetResult>& splits, const OpenSetConfig& config) {
  const ClassRoles& roles = splits.front().roles;
  const auto count = [](const auto& classes) { return static_cast<int64_t>(classes.size()); };
  return Json::object({{"development_classes", count(roles.development)},
                       {"first_classes", count(roles.first)},
                       {"later_classes", count(roles.later)},
                       {"unknown_classes", count(roles.unknown)},
                       {"enrolled_images", config.enrolled_images},
                       {"interval", "Wilson's, over mated probes, the threshold held"}});
}

Json split_report(const std::vector<OpenSetResult>& splits, const OpenSetConfig& config) {
  std::vector<double> dir;
  double mated = 0.0;
  for (const OpenSetResult& split : splits) {
    dir.push_back(split.after.dir[0].value());
    mated += static_cast<double>(split.after.mated) / static_cast<double>(splits.size());
  }
  Json entry = headline_report(
      "dir", dir, wilson_interval(mean_and_spread(dir).mean, static_cast<int64_t>(mated)));
  const Json after = gallery_json(splits, &OpenSetResult::after);
  entry["far"] = kOpenSetFar[0];
  for (const char* key : {"dir_at_far", "auroc", "rank1"}) entry[key] = after.at(key);
  entry["galleries"] = Json::array({gallery_json(splits, &OpenSetResult::before), after});
  entry["earlier_identities_after_growth"] = gallery_json(splits, &OpenSetResult::earlier_after);
  entry["carried_thresholds"] = carried_json(splits);
  entry["settings"] = roles_json(splits, config);
  return entry;
}

uint64_t split_seed(const EvaluationConfig& config, int64_t split) {
  return static_cast<uint64_t>(config.seed + split);
}

/// Enough classes for all roles, and in each dealing enough strangers to measure the headline's
/// false alarms.
void check_classes(const EvaluationInputs& inputs, const EvaluationConfig& config) {
  const std::string& path = inputs.data.path;
  const auto classes = open_set_classes({{}, inputs.train_label, {}, inputs.test_label});
  if (static_cast<int64_t>(classes.size()) < kFewestOpenSetClasses) {
    throw DataError(path + ": expected at least " + std::to_string(kFewestOpenSetClasses) +
                    " classes with training and test images for the open-set protocol, found " +
                    std::to_string(classes.size()));
  }
  const auto wanted = static_cast<int64_t>(1.0 / kOpenSetFar[0]);
  for (int64_t i = 0; i < config.open_set.splits; ++i) {
    const auto roles = draw_roles(classes, config.open_set.development, split_seed(config, i));
    const int64_t found =
        at::isin(inputs.test_label, at::tensor(roles.unknown, at::kLong)).sum().item<int64_t>();
    if (found >= wanted) continue;
    throw DataError(path + ": expected at least " + std::to_string(wanted) +
                    " test images of classes that are never enrolled, found " +
                    std::to_string(found));
  }
}

Json judge_open_set(const EvaluationTask& task) {
  const OpenSetConfig& config = task.config.open_set;
  const OpenSetInputs inputs{task.features.train, task.inputs.train_label, task.features.test,
                             task.inputs.test_label};
  return judge_centring(task, "dir", [&](bool centred) {
    std::vector<OpenSetResult> splits;
    for (int64_t i = 0; i < config.splits; ++i) {
      splits.push_back(open_set_protocol(inputs, config, centred, split_seed(task.config, i)));
    }
    return split_report(splits, config);
  });
}

}  // namespace

const EvaluationMethod kOpenSetMethod{
    "open_set",
    "dir",
    "DIR@FAR10",
    "DIR@FAR10 is the share of test images of enrolled classes that are found and named while 10 % "
    "of those of other classes are false alarms; raw pixels are centred where that is better on "
    "the test set",
    false,
    judge_open_set,
    check_classes};

}  // namespace nearfar
