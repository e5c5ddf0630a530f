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
constexpr int64_t kSides[] = {64, 32, 16, 8};

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
    const ViewBatch made =
        make_up_views(views_, training_.data(), shard(batch, group_.size(), group_.rank()), side);
    Step step;
    const CollectiveCounts before = counter_->counts();
    const auto begin = std::chrono::steady_clock::now();
    step.peak = peak_bytes([&] { training_.train_step(made); });
    step.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    step.counts = counter_->counts() - before;
    return step;
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

/// Chooses steps that take little time and says what they tell of the whole.
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
    const int64_t small = std::min(side_, kSides[1]);
    rank_.take_step(unit_ * ranks_, small);  // casts and scratch of a first step
    seconds_per_pixel_ =
        rank_.take_step(unit_ * ranks_, small).seconds / static_cast<double>(unit_ * small * small);
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
      const auto share = static_cast<double>(side * side) / static_cast<double>(side_ * side_);
      plan.memory.activations +=
          std::llround(bytes_per_image() * (1.0 - share) * static_cast<double>(at_once));
    }
    plan.check = rank_.count_check(unit_ * ranks_, std::min(side_, kSides[3]));
  }

 private:
  double seconds_of(int64_t rows, int64_t side) const {
    return seconds_per_pixel_ * static_cast<double>(rows * side * side);
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

  int64_t affordable_side(int64_t rows) const {
    if (seconds_of(rows, side_) <= seconds_) return side_;
    for (const int64_t side : kSides) {
      if (side < side_ && seconds_of(rows, side) <= seconds_) return side;
    }
    return std::min(side_, kSides[std::size(kSides) - 1]);
  }

  /// In views of full size. From as many images as can be had and twice as many: what a step takes
  /// whatever their number is in neither.
  double bytes_per_image() {
    const int64_t side = std::max(affordable_side(3 * unit_), std::min(side_, kSides[1]));
    const double affordable = seconds_ / seconds_of(3 * unit_, side);
    const int64_t most = rows_ / (2 * unit_);
    const int64_t units = std::min(most, std::max<int64_t>(1, static_cast<int64_t>(affordable)));
    const auto peak = [&](int64_t rows) {
      return static_cast<double>(rank_.take_step(rows * ranks_, side).peak);
    };
    const int64_t rows = std::max<int64_t>(units, 1) * unit_;
    const double bytes = units == 0 ? peak(rows) : peak(2 * rows) - peak(rows);
    return bytes / static_cast<double>(rows) * static_cast<double>(side_ * side_) /
           static_cast<double>(side * side);
  }

  RankAlone& rank_;
  const RunConfig& config_;
  int ranks_;
  double seconds_;  // that a step may take
  int64_t rows_, side_, unit_;
  double seconds_per_pixel_ = 0.0;
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
