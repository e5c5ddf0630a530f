// Linear classifiers trained at once on the same features, each at its own rate and decay.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace nearfar {

/// What one classifier of a stack is trained with.
struct SgdSetting {
  double learning_rate = 0.0;
  double weight_decay = 0.0;
};

struct SgdOptions {
  double momentum = 0.9;
  bool nesterov = false;
};

/// K linear classifiers [K, C, d] that start at zero (the loss is convex) and follow
/// torch.optim.SGD on the mean cross entropy of the same batches, as one matrix product for all of
/// them (the sweep of DINOv2's linear evaluation, dinov2/eval/linear.py). Weight decay
/// holds for weights, not for biases. A classifier whose rate is too high overflows alone.
class ClassifierStack {
 public:
  /// Float tensors like `like` (dtype, device).
  ClassifierStack(const std::vector<SgdSetting>& settings, int64_t classes, int64_t width,
                  const SgdOptions& options, const at::Tensor& like);

  /// One update on features [n, d] and label [n] int64, every rate times `factor`.
  void step(const at::Tensor& features, const at::Tensor& label, double factor);
  /// [n, d] -> [K, n, C]: of few images at a time.
  at::Tensor scores(const at::Tensor& features) const;
  /// Of one classifier, [n, d] -> [n, C].
  at::Tensor scores(const at::Tensor& features, size_t setting) const;
  /// Images that every classifier ranks first by their label, [K] int64; scores in blocks of rows.
  at::Tensor count_right(const at::Tensor& features, const at::Tensor& label) const;

  const at::Tensor& weight() const { return weight_.value; }  // [K, C, d]
  const at::Tensor& bias() const { return bias_.value; }      // [K, C]

 private:
  struct Moving {
    at::Tensor value;
    at::Tensor momentum;
  };
  at::Tensor flat_scores(const at::Tensor& features) const;
  void move(Moving& moving, at::Tensor direction, const at::Tensor& rate) const;

  SgdOptions options_;
  int64_t count_;
  int64_t classes_;
  at::Tensor rate_;   // [K, 1, 1]
  at::Tensor decay_;  // [K, 1, 1]
  Moving weight_;
  Moving bias_;
};

}  // namespace nearfar
