// Steps of one rank alone, measured and counted.
#include "framework/train/distribution_plan.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>

#include "distributed/counting_group.h"
#include "framework/encoders/batch_norm.h"
#include "framework/encoders/norm_groups.h"
#include "framework/train/agreement.h"
#include "framework/train/fit_device.h"
#include "framework/train/made_up_views.h"
#include "framework/train/memory_meter.h"
#include "framework/train/plan.h"
#include "framework/train/training.h"

namespace nearfar {
namespace {

/// Sides of made-up views: at multiples of 32 the maps of a network shrink in proportion.
constexpr int64_t kSides[] = {192, 128, 64, 32};
/// Where even few pixels take long: what is exchanged does not depend on them.
constexpr int64_t kSmallestSide = 8;

/// A run's training as rank 0 of many, on the CPU, whose steps move nothing.
class RankAlone {
 public:
  RankAlone(const ResolvedRun& run, int ranks)
      : config_(still(run.config)),
        counter_(std::make_shared<CollectiveCounter>()),
        group_(ranks, 0, counter_),
        training_(config_, run.data.train->info(), plan_of(run, group_), group_, at::kCPU,
                  // Ranks that are all alike, with images of few pixels: BatchNorm may have no
                  // variance to divide by.
                  FiniteFlag::Reading::never),
        start_(counter_->counts()),
        views_(training_.recipe().views()) {}

  Training& training() { return training_; }
  const CollectiveCounts& start() const { return start_; }
  int64_t side() const { return largest_side(views_); }

  /// What one step took.
  struct Step {
    double seconds = 0.0;
    int64_t peak = 0;  // bytes
    CollectiveCounts counts;
  };

  /// A step in which this rank has its piece of `batch` images.
  Step take_step(int64_t batch, int64_t side) {
    const ViewBatch made = made_up(batch, side);
    Step step;
    const CollectiveCounts before = counter_->counts();
    const auto begin = std::chrono::steady_clock::now();
    step.peak = peak_bytes([&] { training_.train_step(made); });
    step.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    step.counts = counter_->counts() - before;
    return step;
  }

  /// Bytes that the networks keep for backward, at most, of this rank's piece of `batch` images.
  int64_t kept_for_backward(int64_t batch, int64_t side) {
    const Batch made = training_.make_batch(made_up(batch, side));
    const GradientPlan plan = training_.gradient_plan();
    *plan.piece = made.shard;
    const int64_t bytes = peak_bytes([&] { embed_in(plan.precision, training_.recipe(), made); });
    drop_pending_statistics(training_.recipe());
    return bytes;
  }

  /// What a check of the replicas adds to a step.
  CollectiveCounts count_check(int64_t batch, int64_t side) {
    const CollectiveCounts without = take_step(batch, side).counts;
    config_.train.check_ranks = 1;
    const CollectiveCounts with = take_step(batch, side).counts;
    config_.train.check_ranks = 0;
    return with - without;
  }

 private:
  ViewBatch made_up(int64_t batch, int64_t side) const {
    const Shard piece = shard(batch, group_.size(), group_.rank());
    return make_up_views(views_, training_.data(), piece, side);
  }

  /// Weights that do not move: a step is measured like the one before.
  static RunConfig still(RunConfig config) {
    config.device = "cpu";
    config.optimizer.learning_rate = 0.0;
    config.train.check_ranks = 0;
    return config;
  }

  RunConfig config_;
  std::shared_ptr<CollectiveCounter> counter_;
  CountingGroup group_;
  Training training_;
  CollectiveCounts start_;
  std::vector<ViewPolicy> views_;
};

/// Chooses steps that take little time and says what they tell of the whole: time and memory are
/// taken to be linear in the pixels of all images.
class StepSurvey {
 public:
  StepSurvey(RankAlone& rank, const RunConfig& config, int ranks, double seconds)
      : rank_(rank),
        config_(config),
        ranks_(ranks),
        seconds_(seconds),
        rows_(rank.training().rows()),
        side_(rank.side()),
        unit_(fewest_rows()) {
    const int64_t small = std::min(side_, kSides[3]), large = std::min(side_, kSides[2]);
    take_step(unit_, small);  // casts and scratch of a first step
    once_ = take_step(unit_, small).seconds;
    const auto more = static_cast<double>(unit_ * (large * large - small * small));
    if (more > 0.0) per_pixel_ = std::max(0.0, take_step(unit_, large).seconds - once_) / more;
  }

  void fill(DistributionPlan& plan) {
    const int64_t side = affordable_side(rows_);
    const RankAlone::Step whole = rank_.take_step(config_.train.batch, side);
    plan.step = whole.counts;
    plan.memory.activations = whole.peak;
    plan.activations_measured = side == side_;
    if (side < side_) {
      const int64_t at_once =
          config_.train.micro_batch == 0 ? rows_ : std::min(rows_, config_.train.micro_batch);
      plan.memory.activations += std::llround(
          bytes_per_pixel() * static_cast<double>(at_once * (side_ * side_ - side * side)));
    }
    plan.check = rank_.count_check(unit_ * ranks_, std::min(side_, kSides[3]));
  }

 private:
  RankAlone::Step take_step(int64_t rows, int64_t side) {
    return rank_.take_step(rows * ranks_, side);
  }

  /// Rows of a rank that BatchNorm and loss accept.
  int64_t fewest_rows() const {
    constexpr int64_t kPair = 2;
    const int64_t norm_batch = config_.encoder.norm_batch;
    const bool groups = has_batch_norm(rank_.training().recipe()) &&
                        groups_stay_on_ranks(norm_batch, config_.train.batch, ranks_);
    return groups ? std::min(rows_, norm_group_rows(norm_batch, config_.train.batch))
                  : std::min(rows_, kPair);
  }

  /// Of the run's views or of smaller ones.
  int64_t affordable_side(int64_t rows) const {
    const auto affordable = [&](int64_t side) {
      return once_ + per_pixel_ * static_cast<double>(rows * side * side) <= seconds_;
    };
    if (affordable(side_)) return side_;
    for (const int64_t side : kSides) {
      if (side < side_ && affordable(side)) return side;
    }
    return std::min(side_, kSmallestSide);
  }

  /// A pixel being one of the largest view. Of what the networks keep: the peak of a whole step
  /// with few pixels is that of gradients.
  double bytes_per_pixel() {
    const int64_t large = std::min(side_, kSides[2]), small = large / 2;
    const int64_t more = rank_.kept_for_backward(unit_ * ranks_, large);
    const int64_t less = rank_.kept_for_backward(unit_ * ranks_, small);
    return static_cast<double>(more - less) /
           static_cast<double>(unit_ * (large * large - small * small));
  }

  RankAlone& rank_;
  const RunConfig& config_;
  int ranks_;
  double seconds_;  // that a step may take
  int64_t rows_, side_, unit_;
  double once_ = 0.0, per_pixel_ = 0.0;  // seconds of a step
};

int64_t bytes_of(const std::vector<at::Tensor>& tensors) {
  int64_t bytes = 0;
  for (const at::Tensor& tensor : tensors) bytes += static_cast<int64_t>(tensor.nbytes());
  return bytes;
}

RankMemory state_memory(Training& training) {
  RankMemory memory;
  memory.parameters = bytes_of(training.recipe().parameters());
  memory.buffers = bytes_of(training.recipe().buffers());
  std::vector<at::Tensor> gradients;
  for (const at::Tensor& parameter : training.recipe().parameters()) {
    if (parameter.grad().defined()) gradients.push_back(parameter.grad());
  }
  memory.gradients = bytes_of(gradients);
  memory.optimizer = training.state_bytes() - memory.parameters - memory.buffers - memory.gradients;
  return memory;
}

}  // namespace

DistributionPlan plan_distribution(const ResolvedRun& run, int ranks, int gpus_per_host,
                                   bool on_gpu, double seconds) {
  check_every_rank_has_images(run, ranks);
  const RunConfig& config = run.config;
  at::set_num_threads(static_cast<int>(config.threads));
  DistributionPlan plan;
  plan.ranks = ranks;
  plan.gpus_per_host = gpus_per_host;
  plan.hosts = (ranks + gpus_per_host - 1) / gpus_per_host;
  plan.batch = config.train.batch;
  plan.largest_piece = shard(plan.batch, ranks, 0).size();
  plan.smallest_piece = shard(plan.batch, ranks, ranks - 1).size();
  RankAlone rank(run, ranks);
  plan.start = rank.start();
  plan.memory = state_memory(rank.training());
  StepSurvey(rank, config, ranks, seconds).fill(plan);
  plan.memory.batches = static_cast<int64_t>(
      bytes_of_batches(rank.training(), plan.largest_piece, config.data.workers, on_gpu));
  return plan;
}

}  // namespace nearfar
