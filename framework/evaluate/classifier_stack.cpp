// Linear classifiers trained at once on the same features, each at its own rate and decay.
#include "framework/evaluate/classifier_stack.h"

#include <torch/types.h>

#include <algorithm>

#include "framework/evaluate/scores.h"

namespace nearfar {
namespace {

/// Scores of all classifiers that exist at once: all of ImageNet's held-out images would take
/// gigabytes.
constexpr int64_t kBlockScores = int64_t{1} << 22;

/// One number of every setting, as [K, 1, 1].
at::Tensor column(const std::vector<SgdSetting>& settings, double SgdSetting::*member,
                  const at::Tensor& like) {
  std::vector<double> values;
  for (const SgdSetting& setting : settings) values.push_back(setting.*member);
  return at::tensor(values, at::kDouble).to(like.options()).view({-1, 1, 1});
}

}  // namespace

ClassifierStack::ClassifierStack(const std::vector<SgdSetting>& settings, int64_t classes,
                                 int64_t width, const SgdOptions& options, const at::Tensor& like)
    : options_(options), count_(static_cast<int64_t>(settings.size())), classes_(classes) {
  TORCH_CHECK(count_ > 0 && classes > 0 && width > 0,
              "classifier stack: expected settings, classes and features, got ", count_, ", ",
              classes, " and ", width);
  rate_ = column(settings, &SgdSetting::learning_rate, like);
  decay_ = column(settings, &SgdSetting::weight_decay, like);
  const auto zeros = [&](at::IntArrayRef shape) {
    return Moving{at::zeros(shape, like.options()), at::zeros(shape, like.options())};
  };
  weight_ = zeros({count_, classes, width});
  bias_ = zeros({count_, classes});
}

at::Tensor ClassifierStack::flat_scores(const at::Tensor& features) const {
  return at::addmm(bias_.value.view({-1}), features,
                   weight_.value.view({count_ * classes_, -1}).t());
}

/// torch.optim.SGD; the first step's momentum is the direction itself, as zeros give it.
void ClassifierStack::move(Moving& moving, at::Tensor direction, const at::Tensor& rate) const {
  moving.momentum.mul_(options_.momentum).add_(direction);
  const at::Tensor step =
      options_.nesterov ? direction.add_(moving.momentum, options_.momentum) : moving.momentum;
  moving.value.addcmul_(step, rate, -1.0);
}

void ClassifierStack::step(const at::Tensor& features, const at::Tensor& label, double factor) {
  const at::NoGradGuard no_grad;
  const int64_t n = features.size(0);
  at::Tensor gradient = at::softmax(flat_scores(features).view({n, count_, classes_}), 2);
  gradient.scatter_add_(2, label.view({n, 1, 1}).expand({n, count_, 1}),
                        at::full({1, 1, 1}, -1.0, gradient.options()).expand({n, count_, 1}));
  gradient.div_(static_cast<double>(n));
  const at::Tensor rate = rate_ * factor;
  at::Tensor direction = gradient.view({n, -1}).t().mm(features).view({count_, classes_, -1});
  direction.addcmul_(weight_.value, decay_);
  move(weight_, std::move(direction), rate);
  move(bias_, gradient.sum(0), rate.squeeze(2));
}

at::Tensor ClassifierStack::scores(const at::Tensor& features) const {
  const at::NoGradGuard no_grad;
  return flat_scores(features).view({features.size(0), count_, classes_}).transpose(0, 1);
}

at::Tensor ClassifierStack::scores(const at::Tensor& features, size_t setting) const {
  const at::NoGradGuard no_grad;
  const auto k = static_cast<int64_t>(setting);
  return at::addmm(bias_.value.select(0, k), features, weight_.value.select(0, k).t());
}

at::Tensor ClassifierStack::count_right(const at::Tensor& features, const at::Tensor& label) const {
  const int64_t rows = std::max<int64_t>(1, kBlockScores / (count_ * classes_));
  at::Tensor right = at::zeros({count_}, at::kLong);
  for (int64_t first = 0; first < features.size(0); first += rows) {
    const int64_t count = std::min(rows, features.size(0) - first);
    const at::Tensor block = scores(features.narrow(0, first, count));
    const at::Tensor labels = label.narrow(0, first, count);
    for (int64_t k = 0; k < count_; ++k) {
      right[k] += (rank_of_label(block[k], labels) == 0).sum();
    }
  }
  return right;
}

}  // namespace nearfar
