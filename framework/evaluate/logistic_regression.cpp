// The linear probe: multinomial logistic regression on frozen features, solved to its optimum.
#include "framework/evaluate/logistic_regression.h"

#include <ATen/Parallel.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "framework/evaluate/lbfgs.h"

namespace nearfar {
namespace {

// The sums of this many pieces of the data are added in their order, whatever the number of
// threads.
constexpr int64_t kPieces = 16;
// Features of one block stay in a core's cache between the product that gives the logits and the
// one that gives the gradient.
constexpr int64_t kBlockBytes = int64_t{1} << 20;

/// Turns logits [n, C] into probability minus indicator; adds the column sums to `bias`, returns
/// the summed cross entropy.
template <typename T>
double softmax_residual(T* logits, const int64_t* label, int64_t n, int64_t classes, double* bias) {
  double loss = 0.0;
  for (int64_t i = 0; i < n; ++i) {
    T* row = logits + i * classes;
    const T top = *std::max_element(row, row + classes);
    const double own = static_cast<double>(row[label[i]]) - static_cast<double>(top);
    double sum = 0.0;
    for (int64_t c = 0; c < classes; ++c) {
      row[c] = std::exp(row[c] - top);
      sum += static_cast<double>(row[c]);
    }
    const double scale = 1.0 / sum;
    for (int64_t c = 0; c < classes; ++c) row[c] = static_cast<T>(row[c] * scale);
    row[label[i]] -= T{1};
    for (int64_t c = 0; c < classes; ++c) bias[c] += static_cast<double>(row[c]);
    loss += std::log(sum) - own;
  }
  return loss;
}

/// Loss and gradient of the probe; parameters are the weights [C, d] then the biases [C], float64.
class ProbeLoss {
 public:
  ProbeLoss(const at::Tensor& features, const at::Tensor& label, int64_t classes, double l2)
      : features_(features.detach().contiguous()),
        label_(label.contiguous()),
        count_(features.size(0)),
        width_(features.size(1)),
        classes_(classes),
        l2_(l2) {
    const int64_t row_bytes = width_ * features_.element_size();
    rows_ = std::clamp<int64_t>(kBlockBytes / row_bytes, 64, 4096);
  }

  double operator()(const at::Tensor& parameters, at::Tensor& gradient) {
    const int64_t blocks = (count_ + rows_ - 1) / rows_;
    const int64_t pieces = std::min(kPieces, blocks);
    const at::Tensor weight =
        parameters.narrow(0, 0, classes_ * width_).view({classes_, width_}).to(features_.dtype());
    const at::Tensor bias = parameters.narrow(0, classes_ * width_, classes_).to(features_.dtype());
    std::vector<at::Tensor> sums(pieces);
    std::vector<double> losses(pieces, 0.0);
    at::parallel_for(0, pieces, 1, [&](int64_t begin, int64_t end) {
      const at::NoGradGuard no_grad;
      for (int64_t p = begin; p < end; ++p) {
        sums[p] = at::zeros({classes_ * (width_ + 1)}, at::kDouble);
        for (int64_t b = p * blocks / pieces; b < (p + 1) * blocks / pieces; ++b) {
          losses[p] += add_block(b, weight, bias, sums[p]);
        }
      }
    });
    gradient.zero_();
    double loss = 0.0;
    for (int64_t p = 0; p < pieces; ++p) {
      gradient.add_(sums[p]);
      loss += losses[p];
    }
    gradient.div_(static_cast<double>(count_));
    const at::Tensor penalised = parameters.narrow(0, 0, classes_ * width_);
    gradient.narrow(0, 0, classes_ * width_).add_(penalised, l2_);
    return loss / static_cast<double>(count_) + 0.5 * l2_ * penalised.dot(penalised).item<double>();
  }

 private:
  double add_block(int64_t block, const at::Tensor& weight, const at::Tensor& bias,
                   at::Tensor& sum) const {
    const int64_t first = block * rows_;
    const int64_t n = std::min(rows_, count_ - first);
    const at::Tensor x = features_.narrow(0, first, n);
    at::Tensor residual = at::addmm(bias, x, weight.t());
    const int64_t* label = label_.data_ptr<int64_t>() + first;
    double* bias_sum = sum.data_ptr<double>() + classes_ * width_;
    const double loss =
        residual.scalar_type() == at::kFloat
            ? softmax_residual(residual.data_ptr<float>(), label, n, classes_, bias_sum)
            : softmax_residual(residual.data_ptr<double>(), label, n, classes_, bias_sum);
    sum.narrow(0, 0, classes_ * width_).view({classes_, width_}).add_(at::mm(residual.t(), x));
    return loss;
  }

  at::Tensor features_;
  at::Tensor label_;
  int64_t count_;
  int64_t width_;
  int64_t classes_;
  double l2_;
  int64_t rows_ = 0;
};

void check_inputs(const at::Tensor& features, const at::Tensor& label, int64_t classes, double l2) {
  TORCH_CHECK(features.dim() == 2 && features.size(0) > 0 && features.size(1) > 0 &&
                  (features.scalar_type() == at::kFloat || features.scalar_type() == at::kDouble),
              "fit_logistic_regression: expected features [N, d] float32 or float64, got ",
              features.scalar_type(), " ", features.sizes());
  TORCH_CHECK(
      label.dim() == 1 && label.scalar_type() == at::kLong && label.size(0) == features.size(0),
      "fit_logistic_regression: expected label [", features.size(0), "] int64, got ",
      label.scalar_type(), " ", label.sizes());
  const int64_t low = label.min().item<int64_t>();
  const int64_t high = label.max().item<int64_t>();
  TORCH_CHECK(low >= 0 && high < classes, "fit_logistic_regression: expected labels in [0, ",
              classes, "), got [", low, ", ", high, "]");
  TORCH_CHECK(l2 >= 0.0, "fit_logistic_regression: expected l2 >= 0, got ", l2);
}

}  // namespace

double logistic_loss(const at::Tensor& features, const at::Tensor& label, int64_t classes,
                     double l2, const at::Tensor& parameters, at::Tensor& gradient) {
  check_inputs(features, label, classes, l2);
  return ProbeLoss(features, label, classes, l2)(parameters, gradient);
}

LogisticRegression fit_logistic_regression(const at::Tensor& features, const at::Tensor& label,
                                           int64_t classes,
                                           const LogisticRegressionOptions& options,
                                           const LogisticRegression* start) {
  const at::NoGradGuard no_grad;
  check_inputs(features, label, classes, options.l2);
  const int64_t width = features.size(1);
  ProbeLoss loss(features, label, classes, options.l2);
  at::Tensor first = at::zeros({classes * (width + 1)}, at::kDouble);
  if (start != nullptr) {
    first = at::cat({start->weight.reshape(-1).to(at::kDouble), start->bias.to(at::kDouble)});
  }
  LbfgsOptions search;
  search.tolerance = options.tolerance;
  search.max_iterations = options.max_iterations;
  search.rounding = features.scalar_type() == at::kFloat ? 1e-7 : 1e-14;
  const Minimum minimum = minimize(std::ref(loss), first, search);

  LogisticRegression model;
  model.weight =
      minimum.x.narrow(0, 0, classes * width).view({classes, width}).to(features.dtype());
  const at::Tensor bias = minimum.x.narrow(0, classes * width, classes);
  model.bias = (bias - bias.mean()).to(features.dtype());
  const at::Tensor penalised = minimum.x.narrow(0, 0, classes * width);
  model.loss = minimum.value;
  model.cross_entropy = minimum.value - 0.5 * options.l2 * penalised.dot(penalised).item<double>();
  model.gradient_norm = minimum.gradient_norm;
  model.iterations = minimum.iterations;
  model.converged = minimum.converged;
  return model;
}

at::Tensor logits(const LogisticRegression& model, const at::Tensor& features) {
  const at::NoGradGuard no_grad;
  return at::addmm(model.bias, features, model.weight.t());
}

}  // namespace nearfar
