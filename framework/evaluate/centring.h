// Features as they are, or with the mean of the training features subtracted.
#pragma once

#include <functional>

#include "framework/evaluate/method.h"

namespace nearfar {

/// Both parts minus the mean of the training part.
SplitFeatures centre(const SplitFeatures& features);

/// judge(centred) by evaluate.centred. raw_pixels, the baseline to beat, gets whichever entry has
/// the larger headline on the test set. Adds "centred" and "centring_chosen_on" to the entry's
/// settings.
Json judge_centring(const EvaluationTask& task, const char* headline,
                    const std::function<Json(bool centred)>& judge);

}  // namespace nearfar
