// Features as they are, or with the mean of the training features subtracted.
#include "framework/evaluate/centring.h"

#include <torch/types.h>

#include <utility>

namespace nearfar {

SplitFeatures centre(const SplitFeatures& features) {
  const at::NoGradGuard no_grad;
  const at::Tensor mean = features.train.mean(0);
  return {features.train - mean, features.test - mean};
}

Json judge_centring(const EvaluationTask& task, const char* headline,
                    const std::function<Json(bool centred)>& judge) {
  bool centred = task.config.centred;
  Json entry = judge(centred);
  const char* chosen_on = "evaluate.centred";
  if (task.is_baseline_to_beat()) {
    chosen_on = "the test set: the better of both";
    Json other = judge(!centred);
    if (other.at(headline).as_double() > entry.at(headline).as_double()) {
      entry = std::move(other);
      centred = !centred;
    }
  }
  entry["settings"]["centred"] = centred;
  entry["settings"]["centring_chosen_on"] = chosen_on;
  return entry;
}

}  // namespace nearfar
