// Measuring of precisions and of memory before a run starts.
#include "framework/train/fit_device.h"

#include <torch/types.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <fstream>

#include "framework/encoders/batch_norm.h"
#include "framework/encoders/norm_groups.h"
#include "framework/error.h"
#include "framework/log/quantities.h"
#include "framework/train/agreement.h"
#include "framework/train/memory_meter.h"

namespace nearfar {
namespace {

constexpr double kGiB = 1073741824.0;
constexpr int kTimedRounds = 5;
// What a faster precision must bring to be worth its rounding.
constexpr double kWorthwhile = 1.05;

/// This rank's piece of a batch that gives every rank as many rows.
Shard piece_like(Training& training, int64_t rows) {
  const Group& group = training.group();
  return shard(rows * group.size(), group.size(), group.rank());
}

/// `rows` made-up images for each view: a smooth pattern, since no global generator may be used.
Batch made_batch(Training& training, const DatasetInfo& data, int64_t rows) {
  Batch batch;
  const auto options = at::TensorOptions(training.device());
  for (const ViewPolicy& view : training.recipe().views()) {
    batch.views.push_back(at::arange(rows * view.size * view.size * data.channels, options)
                              .mul(0.37)
                              .sin()
                              .view({rows, view.size, view.size, data.channels})
                              .permute({0, 3, 1, 2})
                              .to(at::kFloat));
  }
  batch.index = at::arange(rows, options.dtype(at::kLong));
  batch.label = at::zeros({rows}, options.dtype(at::kLong));
  batch.shard = piece_like(training, rows);
  return batch;
}

/// Forward and backward of the networks; leaves gradients behind, which every step clears first.
void run_networks(Training& training, const Batch& batch, Precision precision) {
  *training.gradient_plan().piece = batch.shard;
  at::Tensor sum = at::zeros({}, batch.views.front().options());
  for (const at::Tensor& embedding : embed_in(precision, training.recipe(), batch)) {
    if (embedding.requires_grad()) sum = sum + embedding.square().sum();
  }
  if (sum.requires_grad()) sum.backward();
  sum.item<float>();  // the device is done
  drop_pending_statistics(training.recipe());
}

double seconds_of(Training& training, const Batch& batch, Precision precision) {
  const auto begin = std::chrono::steady_clock::now();
  run_networks(training, batch, precision);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

std::string faster_precision(Training& training, int64_t rows, Group& ranks, Log& log) {
  const Batch batch = made_batch(training, training.data(), rows);
  std::array<double, kTimedRounds> fp32{}, bf16{};
  run_networks(training, batch, Precision::fp32);
  run_networks(training, batch, Precision::bf16);
  for (int round = 0; round < kTimedRounds; ++round) {
    fp32[round] = seconds_of(training, batch, Precision::fp32);
    bf16[round] = seconds_of(training, batch, Precision::bf16);
  }
  // The least of each: what else the machine does only adds.
  const auto least = [&ranks](const auto& seconds) {
    return largest_of_ranks(ranks, *std::min_element(seconds.begin(), seconds.end()));
  };
  const double slower = least(fp32), gain = slower / least(bf16);
  const std::string chosen = gain > kWorthwhile ? "bf16" : "fp32";
  log.info("precision: " + chosen + " (bf16 is " + format_fixed(gain, 2) +
           " times as fast as fp32 here)");
  return chosen;
}

/// What this process holds, or the device for it: bytes.
double bytes_held(const Training& training) {
  if (training.device().is_cuda()) return static_cast<double>(training.state_bytes());
  std::ifstream statm("/proc/self/statm");
  double total = 0.0, resident = 0.0;
  statm >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

/// Forward and backward of the loss on made-up embeddings of `rows` images.
void run_loss(Training& training, const DatasetInfo& data, int64_t rows) {
  const Batch few = made_batch(training, data, std::min<int64_t>(rows, 2));
  Batch all = few;
  all.shard = piece_like(training, rows);
  all.index = at::arange(rows, few.index.options());
  all.label = at::zeros({rows}, few.label.options());
  Embeddings embeddings;
  *training.gradient_plan().piece = few.shard;
  for (const at::Tensor& embedding : training.recipe().embed(few)) {
    std::vector<int64_t> shape = embedding.sizes().vec();
    shape.front() = rows;
    const at::Tensor made = at::arange(rows * (embedding.numel() / embedding.size(0)),
                                       embedding.options().dtype(at::kFloat));
    embeddings.push_back(
        made.mul_(0.37).sin_().view(shape).requires_grad_(embedding.requires_grad()));
  }
  drop_pending_statistics(training.recipe());
  training.recipe().loss(embeddings, all).value.backward();
}

int64_t piece_unit(Training& training, const RunConfig& config, int64_t rows) {
  constexpr int64_t kVectorFriendly = 16;
  return has_batch_norm(training.recipe())
             ? std::min(rows, norm_group_rows(config.encoder.norm_batch, config.train.batch))
             : std::min(rows, kVectorFriendly);
}

/// Images of a step on the rank that has most.
int64_t most_rows(const Training& training) {
  return shard(training.plan().batch, training.group().size(), 0).size();
}

std::string gib(double bytes) { return format_fixed(bytes / kGiB, 2) + " GiB"; }

/// The search for the largest piece of a rank that fits, with what it measures.
class PieceSearch {
 public:
  PieceSearch(const RunConfig& config, Training& training, Precision precision, Group& ranks)
      : config_(config),
        training_(training),
        precision_(precision),
        ranks_(ranks),
        rows_(most_rows(training)),
        unit_(piece_unit(training, config, rows_)),
        limit_(config.train.memory * kGiB),
        batches_(
            bytes_of_batches(training, rows_, config.data.workers, training.device().is_cuda())) {}

  int64_t find() {
    const double held = largest_of_ranks(ranks_, bytes_held(training_) + batches_);
    check_loss(held);
    const double one = piece_bytes(unit_);
    per_image_ = 2 * unit_ <= rows_ ? (piece_bytes(2 * unit_) - one) / static_cast<double>(unit_)
                                    : one / static_cast<double>(unit_);
    const double once = std::max(0.0, one - per_image_ * static_cast<double>(unit_));
    int64_t images = std::min(largest_piece(held + once, per_image_, limit_, unit_), rows_);
    // The meter does not see the C library's gaps: on the CPU the whole process counts.
    while (images > 0 && !training_.device().is_cuda()) {
      const double over = resident_bytes(images) - limit_;
      if (over <= 0.0) break;
      const auto less = static_cast<int64_t>(over / per_image_) + unit_;
      images = std::max<int64_t>(0, images - less) / unit_ * unit_;
    }
    if (images == 0) refuse(held + once + per_image_ * static_cast<double>(unit_));
    return images;
  }

  double mebibytes_per_image() const { return per_image_ / 1048576.0; }

 private:
  void check_loss(double held) const {
    const double loss = largest_of_ranks(
        ranks_,
        static_cast<double>(peak_bytes([&] { run_loss(training_, training_.data(), rows_); })));
    if (held + loss <= limit_) return;
    throw ConfigError("train.memory: " + gib(limit_) + " do not hold the loss of " +
                      std::to_string(rows_) + " images; expected at least " + gib(held + loss));
  }

  double piece_bytes(int64_t images) const {
    const Batch batch = made_batch(training_, training_.data(), images);
    run_networks(training_, batch, precision_);  // casts and scratch of a first run
    return largest_of_ranks(
        ranks_,
        static_cast<double>(peak_bytes([&] { run_networks(training_, batch, precision_); })));
  }

  double resident_bytes(int64_t images) const {
    const auto resident = static_cast<double>(peak_resident_bytes([&] {
      run_loss(training_, training_.data(), rows_);
      const Batch batch = made_batch(training_, training_.data(), images);
      run_networks(training_, batch, precision_);
      run_networks(training_, batch, precision_);
    }));
    return largest_of_ranks(ranks_, batches_ + resident);
  }

  [[noreturn]] void refuse(double needed) const {
    throw ConfigError("train.memory: " + gib(limit_) + " do not hold a piece of " +
                      std::to_string(unit_) + " images, the smallest that encoder.norm_batch=" +
                      std::to_string(config_.encoder.norm_batch) + " allows; expected at least " +
                      gib(std::max(needed, limit_)) +
                      ", or a smaller encoder.norm_batch (another result)");
  }

  const RunConfig& config_;
  Training& training_;
  Precision precision_;
  Group& ranks_;
  int64_t rows_, unit_;
  double limit_;
  double batches_;  // bytes of rendered batches that wait or are in use
  double per_image_ = 0.0;
};

int64_t fitting_micro_batch(const RunConfig& config, Training& training, Precision precision,
                            Group& ranks, Log& log) {
  PieceSearch search(config, training, precision, ranks);
  const int64_t images = search.find();
  log.info("memory: " + gib(config.train.memory * kGiB) + " hold micro-batches of " +
           std::to_string(images) + " images (" + format_fixed(search.mebibytes_per_image(), 2) +
           " MiB an image)");
  return images;
}

}  // namespace

double bytes_of_batches(Training& training, int64_t rows, int64_t workers, bool on_gpu) {
  double floats = 0.0;
  for (const ViewPolicy& view : training.recipe().views()) {
    floats += static_cast<double>(rows * view.size * view.size * training.data().channels);
  }
  const double batches = on_gpu ? 1.0 : static_cast<double>(workers + 2);
  return 4.0 * floats * batches;
}

int64_t largest_piece(double fixed, double per_image, double limit, int64_t unit) {
  if (fixed > limit) return 0;
  constexpr double kMost = 1 << 24;  // the largest train.batch
  const double images = per_image <= 0.0 ? kMost : std::min(kMost, (limit - fixed) / per_image);
  return static_cast<int64_t>(images) / unit * unit;
}

bool measures_device(const TrainConfig& train) {
  return train.precision == "auto" || (train.memory > 0.0 && train.micro_batch == 0);
}

DeviceFit fit_device(const RunConfig& config, Training& training, Group& ranks, Log& log) {
  constexpr int64_t kSmallImage = 64, kManyRows = 128, kFewRows = 16;
  DeviceFit fit{config.train.precision, config.train.micro_batch};
  if (fit.precision == "auto") {
    const bool small = training.recipe().views().front().size <= kSmallImage;
    const int64_t wanted = std::min(small ? kManyRows : kFewRows, most_rows(training));
    const int64_t unit = piece_unit(training, config, most_rows(training));
    const int64_t rows = unit < wanted ? wanted / unit * unit : wanted;
    fit.precision = faster_precision(training, rows, ranks, log);
  }
  if (config.train.memory > 0.0 && fit.micro_batch == 0) {
    fit.micro_batch =
        fitting_micro_batch(config, training, precision_of(fit.precision), ranks, log);
  }
  return fit;
}

}  // namespace nearfar
