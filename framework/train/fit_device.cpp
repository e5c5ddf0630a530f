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
#include "framework/train/memory_meter.h"

namespace nearfar {
namespace {

constexpr double kGiB = 1073741824.0;
constexpr int kTimedRounds = 5;
// What a faster precision must bring to be worth its rounding.
constexpr double kWorthwhile = 1.05;
// The convolution library's scratch and the allocator's gaps, which the meter does not see.
constexpr double kUnseen = 1.15;

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
  batch.shard = {0, rows, rows};
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

double median(std::array<double, kTimedRounds> values) {
  std::sort(values.begin(), values.end());
  return values[kTimedRounds / 2];
}

std::string faster_precision(Training& training, const DatasetInfo& data, int64_t rows, Log& log) {
  const Batch batch = made_batch(training, data, rows);
  std::array<double, kTimedRounds> fp32{}, bf16{};
  run_networks(training, batch, Precision::fp32);
  run_networks(training, batch, Precision::bf16);
  for (int round = 0; round < kTimedRounds; ++round) {
    fp32[round] = seconds_of(training, batch, Precision::fp32);
    bf16[round] = seconds_of(training, batch, Precision::bf16);
  }
  const double gain = median(fp32) / median(bf16);
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

/// Rendered batches that wait for training or are in use.
double bytes_of_batches(Training& training, const DatasetInfo& data, int64_t rows,
                        int64_t workers) {
  double floats = 0.0;
  for (const ViewPolicy& view : training.recipe().views()) {
    floats += static_cast<double>(rows * view.size * view.size * data.channels);
  }
  const double batches = training.device().is_cuda() ? 1.0 : static_cast<double>(workers + 2);
  return 4.0 * floats * batches;
}

double bytes_of_loss(Training& training, const DatasetInfo& data, int64_t rows) {
  const Batch few = made_batch(training, data, std::min<int64_t>(rows, 2));
  Batch all = few;
  all.shard = {0, rows, rows};
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
  return static_cast<double>(
      peak_bytes([&] { training.recipe().loss(embeddings, all).value.backward(); }));
}

int64_t piece_unit(Training& training, const RunConfig& config, int64_t rows) {
  constexpr int64_t kVectorFriendly = 16;
  return has_batch_norm(training.recipe())
             ? std::min(rows, norm_group_rows(config.encoder.norm_batch, config.train.batch))
             : std::min(rows, kVectorFriendly);
}

std::string gib(double bytes) { return format_fixed(bytes / kGiB, 2) + " GiB"; }

int64_t fitting_micro_batch(const RunConfig& config, Training& training, Precision precision,
                            Log& log) {
  const DatasetInfo& data = training.data();
  const int64_t rows = training.gradient_plan().piece->size();
  const int64_t unit = piece_unit(training, config, rows);
  const auto piece_bytes = [&](int64_t images) {
    const Batch batch = made_batch(training, data, images);
    run_networks(training, batch, precision);  // casts and scratch of a first run
    return static_cast<double>(peak_bytes([&] { run_networks(training, batch, precision); }) *
                               kUnseen);
  };
  const double limit = config.train.memory * kGiB;
  double fixed = bytes_held(training) + bytes_of_batches(training, data, rows, config.data.workers);
  const double loss = bytes_of_loss(training, data, rows);
  if (fixed + loss > limit) {
    throw ConfigError("train.memory: " + gib(limit) + " do not hold the loss of " +
                      std::to_string(rows) + " images; expected at least " + gib(fixed + loss));
  }
  const double one = piece_bytes(unit);
  const double per_image = 2 * unit <= rows
                               ? (piece_bytes(2 * unit) - one) / static_cast<double>(unit)
                               : one / static_cast<double>(unit);
  fixed += std::max(0.0, one - per_image * static_cast<double>(unit));
  const int64_t images = largest_piece(fixed, per_image, limit, unit);
  if (images == 0) {
    throw ConfigError("train.memory: " + gib(limit) + " do not hold a piece of " +
                      std::to_string(unit) + " images, the smallest that encoder.norm_batch=" +
                      std::to_string(config.encoder.norm_batch) + " allows; expected at least " +
                      gib(fixed + per_image * static_cast<double>(unit)) +
                      ", or a smaller encoder.norm_batch (another result)");
  }
  log.info("memory: " + gib(limit) + " hold micro-batches of " +
           std::to_string(std::min(images, rows)) + " images (" + gib(fixed) + " and " +
           format_fixed(per_image / 1048576.0, 2) + " MiB an image)");
  return std::min(images, rows);
}

}  // namespace

int64_t largest_piece(double fixed, double per_image, double limit, int64_t unit) {
  if (fixed > limit) return 0;
  constexpr double kMost = 1 << 24;  // the largest train.batch
  const double images = per_image <= 0.0 ? kMost : std::min(kMost, (limit - fixed) / per_image);
  return static_cast<int64_t>(images) / unit * unit;
}

DeviceFit fit_device(const RunConfig& config, Training& training, Log& log) {
  constexpr int64_t kSmallImage = 64, kManyRows = 128, kFewRows = 16;
  DeviceFit fit{config.train.precision, config.train.micro_batch};
  const std::vector<ViewPolicy> views = training.recipe().views();
  if (fit.precision == "auto") {
    const int64_t rows = views.front().size > kSmallImage ? kFewRows : kManyRows;
    fit.precision = faster_precision(training, training.data(),
                                     std::min(rows, training.gradient_plan().piece->size()), log);
  }
  if (config.train.memory > 0.0 && fit.micro_batch == 0) {
    fit.micro_batch = fitting_micro_batch(config, training, precision_of(fit.precision), log);
  }
  return fit;
}

}  // namespace nearfar
