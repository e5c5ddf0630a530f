// Sinkhorn's scaling over ranks in logarithms, and swapped prediction.
#include "framework/losses/codes.h"

#include <torch/types.h>

#include "framework/losses/pairs.h"
#include "framework/widened.h"

namespace nearfar {

at::Tensor sinkhorn_codes(Group& group, const at::Tensor& scores, const SinkhornCodes& options) {
  TORCH_CHECK(scores.dim() == 2 && scores.is_floating_point() && options.epsilon > 0.0,
              "sinkhorn: expected scores [b, K] and an epsilon above 0, got ", scores.sizes(),
              " and ", options.epsilon);
  const at::NoGradGuard no_grad;
  const std::vector<int64_t> one_row(static_cast<size_t>(group.size()), 1);
  at::Tensor log_bK = widened(scores.detach()) / options.epsilon;
  for (int64_t iteration = 0; iteration < options.iterations; ++iteration) {
    const at::Tensor own_1K = log_bK.logsumexp(0, /*keepdim=*/true);
    log_bK = log_bK - group.all_gather(own_1K, one_row).logsumexp(0, true);
    log_bK = log_bK.log_softmax(1);
  }
  return log_bK.softmax(1);
}

SwappedPredictionLoss swav_loss(Group& group, const std::vector<at::Tensor>& scores,
                                const std::vector<at::Tensor>& queue_scores,
                                const SwappedPrediction& options, const Shard& own) {
  TORCH_CHECK(scores.size() >= 2 && (queue_scores.empty() || queue_scores.size() == 2),
              "swav: expected scores of at least two views and of no queue or two, got ",
              scores.size(), " and ", queue_scores.size());
  SwappedPredictionLoss result;
  for (size_t view = 0; view < 2; ++view) {
    const at::Tensor& own_nK = scores[view];
    const at::Tensor all_bK = queue_scores.empty() ? own_nK : at::cat({own_nK, queue_scores[view]});
    result.codes.push_back(
        sinkhorn_codes(group, all_bK, options.codes).narrow(0, 0, own_nK.size(0)));
  }
  at::Tensor sum = at::zeros({}, result.codes.front().options());
  for (size_t view = 0; view < scores.size(); ++view) {
    const at::Tensor log_nK = (widened(scores[view]) / options.temperature).log_softmax(1);
    for (size_t coded = 0; coded < 2; ++coded) {
      if (coded != view) sum = sum - (result.codes[coded] * log_nK).sum();
    }
  }
  const double others = static_cast<double>(scores.size() - 1);
  result.loss = sum * (share_of_row(group, own.total) / (2.0 * others));
  return result;
}

}  // namespace nearfar
