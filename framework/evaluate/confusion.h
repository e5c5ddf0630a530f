// Which classes are taken for which.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "framework/evaluate/method.h"
#include "framework/evaluate/scores.h"

namespace nearfar {

/// With more classes the document of an evaluation has no confusion matrix: it would hold little
/// else.
inline constexpr int64_t kMostConfusedClasses = 200;

/// Images by true class (rows) and predicted class (columns): [C, C] int64. prediction and label
/// [Q] int64 in [0, C).
at::Tensor confusion_matrix(const at::Tensor& prediction, const at::Tensor& label, int64_t classes);

/// Adds "confusion", the rows of confusion_matrix, to the entry of the encoder with all labels.
void add_confusion(Json& entry, const EvaluationTask& task, const Accuracy& accuracy);

}  // namespace nearfar
