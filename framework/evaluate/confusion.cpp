// Which classes are taken for which.
#include "framework/evaluate/confusion.h"

#include <torch/types.h>

#include <utility>
#include <vector>

namespace nearfar {

at::Tensor confusion_matrix(const at::Tensor& prediction, const at::Tensor& label,
                            int64_t classes) {
  TORCH_CHECK(prediction.dim() == 1 && prediction.sizes() == label.sizes() &&
                  prediction.scalar_type() == at::kLong && label.scalar_type() == at::kLong,
              "confusion_matrix: expected prediction and label [Q] int64, got ",
              prediction.scalar_type(), " ", prediction.sizes(), " and ", label.scalar_type(), " ",
              label.sizes());
  const auto outside = [&](const at::Tensor& values) {
    return (values < 0).logical_or_(values >= classes).any().item<bool>();
  };
  TORCH_CHECK(!outside(prediction) && !outside(label), "confusion_matrix: expected classes in [0, ",
              classes, ")");
  return at::bincount(label * classes + prediction, {}, classes * classes).view({classes, classes});
}

void add_confusion(Json& entry, const EvaluationTask& task, const Accuracy& accuracy) {
  const int64_t classes = task.classes();
  if (task.source != "encoder" || task.fraction != 1.0 || classes > kMostConfusedClasses) return;
  const at::Tensor counts =
      confusion_matrix(accuracy.prediction, task.inputs.test_label, classes).contiguous();
  const int64_t* count = counts.data_ptr<int64_t>();
  Json rows = Json::array();
  for (int64_t truth = 0; truth < classes; ++truth) {
    rows.push_back(
        Json::array(std::vector<Json>(count + truth * classes, count + (truth + 1) * classes)));
  }
  entry["confusion"] = std::move(rows);
}

}  // namespace nearfar
