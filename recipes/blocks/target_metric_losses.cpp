// Metric learning from real-valued targets instead of classes: log-ratio, regression.
#include <torch/types.h>

#include "distributed/gather.h"
#include "framework/distances/norms.h"
#include "framework/error.h"
#include "framework/losses/pair_losses.h"
#include "framework/losses/pairs.h"
#include "framework/losses/ranking.h"
#include "recipes/blocks/metric_loss.h"

namespace nearfar {
namespace {

// Shapes: n local samples, N of all ranks, d of the embedding, t targets.

void require_targets(const MetricLossSetup& setup) {
  if (!setup.data.targets.empty()) return;
  throw DataError("recipe.loss=" + setup.config.loss +
                  ": expected real-valued targets (columns target... of a .csv list, targets of "
                  "a .safetensors file), found none in " +
                  setup.data.path);
}

class LogRatioLoss final : public MetricLoss {
 public:
  explicit LogRatioLoss(const MetricLossSetup& setup)
      : options_{setup.config.targets.epsilon, setup.config.targets.squared, true},
        group_(setup.group) {
    require_targets(setup);
  }

  /// No level: it would be how unlike the targets of this batch are.
  Loss loss(const at::Tensor& embedding_nd, const Batch& batch) override {
    return {log_ratio(group_, embedding_nd, batch.target, options_, batch.shard), 0.0, {}};
  }

 private:
  LogRatio options_;
  Group& group_;
};

/// Each image with the next one of the global batch, whose rows are in random order: the cosine
/// shall be exp(-|difference of targets| / scale).
class Regression final : public MetricLoss {
 public:
  explicit Regression(const MetricLossSetup& setup)
      : scale_(setup.config.targets.scale), group_(setup.group) {
    require_targets(setup);
  }

  Loss loss(const at::Tensor& embedding_nd, const Batch& batch) override {
    const Shard& own = batch.shard;
    const std::vector<int64_t> rows = rows_by_rank(own.total, group_.size());
    const at::Tensor all_Nd = gather_with_grad(group_, embedding_nd.contiguous(), rows);
    const at::Tensor target_Nt = group_.all_gather(batch.target.contiguous(), rows);
    const auto next = [&own](const at::Tensor& all) {
      return all.roll(-1, 0).narrow(0, own.begin, own.size());
    };
    const at::Tensor apart_n = LpDistance(2.0).rows(batch.target, next(target_Nt));
    const at::Tensor similarity_n = (apart_n / -scale_).exp().to(embedding_nd.scalar_type());
    const at::Tensor mean = pair_regression(embedding_nd, next(all_Nd), similarity_n);
    return {mean * (share_of_row(group_, own.total) * static_cast<double>(own.size())), 0.0, {}};
  }

 private:
  double scale_;
  Group& group_;
};

}  // namespace

const MetricLossList& target_metric_losses() {
  static const MetricLossList list{{"log_ratio", metric_loss_of<LogRatioLoss>},
                                   {"regression", metric_loss_of<Regression>}};
  return list;
}

}  // namespace nearfar
