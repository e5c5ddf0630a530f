// Metric learning with one pair of each class: N-pair losses.
#include <torch/types.h>

#include <cmath>
#include <map>

#include "distributed/gather.h"
#include "framework/error.h"
#include "framework/losses/ranking.h"
#include "framework/ship.h"
#include "recipes/blocks/metric_loss.h"
#include "recipes/blocks/supervision.h"

namespace nearfar {
namespace {

// Shapes: n local samples, N of all ranks, P pairs of the global batch, d of the embedding.

/// Rows of the global batch that make a pair, class by class.
struct PairRows {
  std::vector<int64_t> anchor, positive;
};

class NPair final : public MetricLoss {
 public:
  explicit NPair(const MetricLossSetup& setup) : config_(setup.config.n_pair), group_(setup.group) {
    classes_to_learn(setup.data, setup.plan);
    require_pairs(setup.plan);
  }

  /// Pairs are dealt to the ranks anew: those of an image and its partner may lie on two of them.
  Loss loss(const at::Tensor& embedding_nd, const Batch& batch) override {
    const std::vector<int64_t> rows = rows_by_rank(batch.shard.total, group_.size());
    const at::Tensor all_Nd = gather_with_grad(group_, embedding_nd.contiguous(), rows);
    const PairRows pairs = pairs_of(group_.all_gather(batch.label.contiguous(), rows));
    const auto count = static_cast<int64_t>(pairs.anchor.size());
    // A made-up batch without any pair.
    if (count == 0) return {all_Nd.sum() * 0.0, 0.0, {}};
    const Shard own = shard(count, group_.size(), group_.rank());
    const at::Tensor anchor = rows_of(all_Nd, pairs.anchor, own);
    const at::Tensor positive = rows_of(all_Nd, pairs.positive, own);
    const bool multi_class = config_.form == "multi_class";
    const at::Tensor value =
        n_pair(group_, anchor, positive,
               multi_class ? NPairForm::multi_class : NPairForm::one_versus_one, own);
    const at::Tensor square = mean_squared_norm(group_, anchor, positive, own);
    // The level is that without the penalty, whose least is 0.
    return {value + square * config_.l2,
            multi_class ? std::log(static_cast<double>(count))
                        : static_cast<double>(count - 1) * std::log(2.0),
            {{"mean_squared_norm", square.detach()}}};
  }

 private:
  static void require_pairs(const TrainPlan& plan) {
    if (plan.images_per_class == 2) return;
    throw ConfigError(
        "data.images_per_class: recipe.loss=n_pair expected batches of two images of each class, "
        "found " +
        (plan.images_per_class == 0 ? "data.sampler=shuffle"
                                    : std::to_string(plan.images_per_class)) +
        "; set data.sampler=balanced data.images_per_class=2");
  }

  /// The first two rows of each class: balanced batches have no others, made-up ones may.
  static PairRows pairs_of(const at::Tensor& label_N) {
    const at::Tensor host = label_N.to(at::kCPU).contiguous();
    std::map<int64_t, std::vector<int64_t>> members;
    for (int64_t row = 0; row < host.numel(); ++row) {
      members[host.const_data_ptr<int64_t>()[row]].push_back(row);
    }
    PairRows pairs;
    for (const auto& [label, found] : members) {
      if (found.size() < 2) continue;
      pairs.anchor.push_back(found[0]);
      pairs.positive.push_back(found[1]);
    }
    return pairs;
  }

  static at::Tensor rows_of(const at::Tensor& all_Nd, const std::vector<int64_t>& rows,
                            const Shard& own) {
    const at::Tensor mine = at::tensor(rows, at::kLong).narrow(0, own.begin, own.size());
    return all_Nd.index_select(0, ship(mine, all_Nd.device()));
  }

  NPairConfig config_;
  Group& group_;
};

}  // namespace

const MetricLossList& n_pair_metric_losses() {
  static const MetricLossList list{{"n_pair", metric_loss_of<NPair>}};
  return list;
}

}  // namespace nearfar
