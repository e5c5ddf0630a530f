// BatchNorm over groups of the global batch.
#include "framework/encoders/batch_norm.h"

#include <torch/types.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "distributed/gather.h"
#include "framework/encoders/norm_groups.h"
#include "framework/encoders/rows_per_image.h"
#include "framework/widened.h"

namespace nearfar {
namespace {

std::string rows_text(const Shard& piece) {
  return "rows [" + std::to_string(piece.begin) + ", " + std::to_string(piece.end) + ") of " +
         std::to_string(piece.total);
}

[[noreturn]] void refuse(const std::string& what) {
  throw std::invalid_argument("BatchNorm: " + what);
}

at::Tensor sum_per_channel(const at::Tensor& input) {
  return input.dim() == 4 ? input.sum({0, 2, 3}) : input.sum(0);
}

at::Tensor like_channels_of(const at::Tensor& per_channel, const at::Tensor& input) {
  return input.dim() == 4 ? per_channel.view({1, -1, 1, 1}) : per_channel.view({1, -1});
}

/// Sums over ranks of what each holds of the groups: [C] for every group of this piece in, [groups,
/// C] of the whole batch out. Every rank sends zeros for the groups it has no part in, so that
/// nobody needs to know who shares a group.
at::Tensor sums_of_all_groups(Group& group, const std::vector<at::Tensor>& mine, int64_t first,
                              int64_t groups) {
  const int64_t after = groups - first - static_cast<int64_t>(mine.size());
  return sum_with_grad(group, at::constant_pad_nd(at::stack(mine), {0, 0, first, after}));
}

/// Values per channel that an image has: its pixels, in all of its rows.
int64_t values_of_image(const Shard& piece, const at::Tensor& input) {
  return input.numel() / (piece.size() * input.size(1));
}

/// Values per channel of every group, [groups, 1].
at::Tensor values_of_groups(int64_t norm_batch, const Shard& piece, const at::Tensor& input) {
  const int64_t rows = norm_group_rows(norm_batch, piece.total);
  const int64_t groups = (piece.total + rows - 1) / rows;
  const at::Tensor starts = at::arange(groups, input.options()).mul_(rows);
  return at::rsub(starts, piece.total)
      .clamp_max_(rows)
      .mul_(values_of_image(piece, input))
      .unsqueeze(1);
}

/// The rows of the images of one group.
at::Tensor rows_of(const at::Tensor& input, const NormGroup& group) {
  const int64_t rows = RowsPerImage::current();
  return input.narrow(0, group.begin * rows, group.rows * rows);
}

std::vector<BatchNorm*> norms_inside(torch::nn::Module& root) {
  std::vector<BatchNorm*> norms;
  root.apply([&norms](torch::nn::Module& module) {
    if (auto* norm = dynamic_cast<BatchNorm*>(&module)) norms.push_back(norm);
  });
  return norms;
}

}  // namespace

BatchNorm::BatchNorm(int64_t channels, const NormPlan& plan, const BatchNormOptions& options)
    : plan_(plan), options_(options) {
  if (options.scale) weight_ = register_parameter("weight", at::ones({channels}, at::kFloat));
  if (options.shift) bias_ = register_parameter("bias", at::zeros({channels}, at::kFloat));
  running_mean_ = register_buffer("running_mean", at::zeros({channels}, at::kFloat));
  running_var_ = register_buffer("running_var", at::ones({channels}, at::kFloat));
  num_batches_tracked_ = register_buffer("num_batches_tracked", at::zeros({}, at::kLong));
}

int BatchNorm::ranks() const { return plan_.group == nullptr ? 1 : plan_.group->size(); }

at::Tensor BatchNorm::forward(const at::Tensor& input) {
  if ((input.dim() != 2 && input.dim() != 4) || input.size(1) != running_mean_.size(0)) {
    refuse("expected [N, C] or [N, C, H, W] with C = " + std::to_string(running_mean_.size(0)) +
           ", got " + c10::str(input.sizes()));
  }
  if (!is_training()) return normalize_with_running_statistics(input);
  const Shard piece = piece_of(input);
  return groups_stay_on_ranks(plan_.norm_batch, piece.total, ranks())
             ? normalize_local(input, piece)
             : normalize_across_ranks(widened(input), piece).to(input.scalar_type());
}

Shard BatchNorm::piece_of(const at::Tensor& input) const {
  const int64_t each = RowsPerImage::current(), rows = input.size(0);
  if (!plan_.piece && ranks() > 1) {
    refuse(
        "expected NormPlan::piece to say which rows of the global batch these are, got none on " +
        std::to_string(ranks()) + " ranks");
  }
  const Shard piece = plan_.piece ? *plan_.piece : Shard{0, rows / each, rows / each};
  if (piece.size() * each != rows) {
    refuse("expected " + rows_text(piece) +
           (each == 1 ? "" : ", each as " + std::to_string(each) + " rows") + ", got " +
           std::to_string(rows) + " rows");
  }
  if (rows == 0 || piece.total < ranks()) {
    refuse("expected at least one row on each of " + std::to_string(ranks()) + " ranks, got " +
           rows_text(piece));
  }
  check_groups(input, piece);
  return piece;
}

void BatchNorm::check_groups(const at::Tensor& input, const Shard& piece) const {
  const int64_t group_rows = norm_group_rows(plan_.norm_batch, piece.total);
  const std::string groups = "groups of " + std::to_string(group_rows) + " rows";
  if (groups_stay_on_ranks(plan_.norm_batch, piece.total, ranks())) {
    if (!holds_whole_groups(plan_.norm_batch, piece)) {
      refuse("expected whole " + groups + ", got " + rows_text(piece) +
             "; make train.micro_batch a multiple of encoder.norm_batch");
    }
  } else if (const Shard mine = shard(piece.total, ranks(), plan_.group->rank()); piece != mine) {
    refuse("expected " + rows_text(mine) + " because " + groups + " span ranks, got " +
           rows_text(piece) + "; leave train.micro_batch at 0 or make encoder.norm_batch smaller");
  }
  // The smallest group of the batch, not of the piece: all ranks refuse together and none waits.
  if (smallest_norm_group(plan_.norm_batch, piece.total) * values_of_image(piece, input) == 1) {
    refuse("Expected more than 1 value per channel when training, got " + c10::str(input.sizes()) +
           " and a group of one row in " + groups + " of " + std::to_string(piece.total));
  }
}

at::Tensor BatchNorm::normalize_with_running_statistics(const at::Tensor& input) {
  return at::batch_norm(input, weight_, bias_, running_mean_, running_var_, /*training=*/false, 0.0,
                        options_.eps, /*cudnn_enabled=*/true);
}

at::Tensor BatchNorm::normalize_local(const at::Tensor& input, const Shard& piece) {
  const std::vector<NormGroup> groups = groups_of_piece(plan_.norm_batch, piece);
  if (groups.size() == 1) return normalize_group(input);
  std::vector<at::Tensor> outputs;
  for (const NormGroup& group : groups) {
    outputs.push_back(normalize_group(rows_of(input, group)));
  }
  return at::cat(outputs);
}

at::Tensor BatchNorm::normalize_group(const at::Tensor& input) {
  // With momentum 1 the "running" statistics come out as the group's own, unbiased variance
  // included.
  const at::Tensor mean = at::zeros_like(running_mean_);
  const at::Tensor unbiased_var = at::zeros_like(running_var_);
  const at::Tensor output = at::batch_norm(input, weight_, bias_, mean, unbiased_var,
                                           /*training=*/true, 1.0, options_.eps,
                                           /*cudnn_enabled=*/true);
  add_pending(mean, unbiased_var, 1);
  return output;
}

at::Tensor BatchNorm::normalize_across_ranks(const at::Tensor& input, const Shard& piece) {
  const std::vector<NormGroup> groups = groups_of_piece(plan_.norm_batch, piece);
  const at::Tensor values = values_of_groups(plan_.norm_batch, piece, input);
  const int64_t first = groups.front().index;
  const auto count = static_cast<int64_t>(groups.size());
  const int64_t all = values.size(0);

  std::vector<at::Tensor> parts;
  for (const NormGroup& group : groups) {
    parts.push_back(sum_per_channel(rows_of(input, group)));
  }
  const at::Tensor mean = sums_of_all_groups(*plan_.group, parts, first, all) / values;

  std::vector<at::Tensor> outputs;
  for (const NormGroup& group : groups) {
    outputs.push_back(rows_of(input, group) - like_channels_of(mean[group.index], input));
    parts[group.index - first] = sum_per_channel(outputs.back().square());
  }
  const at::Tensor var = sums_of_all_groups(*plan_.group, parts, first, all) / values;

  at::Tensor scale = (var + options_.eps).rsqrt();
  if (weight_.defined()) scale = scale * weight_;
  for (const NormGroup& group : groups) {
    at::Tensor& output = outputs[group.index - first];
    output = output * like_channels_of(scale[group.index], input);
    if (bias_.defined()) output = output + like_channels_of(bias_, input);
  }
  // A group counts on the rank that holds its first row.
  const int64_t rows = norm_group_rows(plan_.norm_batch, piece.total);
  const int64_t foreign = first * rows < piece.begin ? 1 : 0;
  const at::Tensor unbiased_var = var * (values / (values - 1));
  add_pending(mean.narrow(0, first + foreign, count - foreign).sum(0),
              unbiased_var.narrow(0, first + foreign, count - foreign).sum(0), count - foreign);
  return count == 1 ? outputs.front() : at::cat(outputs);
}

void BatchNorm::add_pending(const at::Tensor& mean, const at::Tensor& unbiased_var,
                            int64_t groups) {
  const at::NoGradGuard no_grad;
  pending_mean_ = pending_groups_ == 0 ? mean.detach() : pending_mean_ + mean;
  pending_var_ = pending_groups_ == 0 ? unbiased_var.detach() : pending_var_ + unbiased_var;
  pending_groups_ += groups;
}

at::Tensor BatchNorm::pending_row() const {
  const at::Tensor count = at::full({1}, pending_groups_, running_mean_.options());
  if (pending_groups_ > 0) return at::cat({pending_mean_, pending_var_, count});
  return at::cat({at::zeros_like(running_mean_), at::zeros_like(running_var_), count});
}

void BatchNorm::move_towards(const at::Tensor& pending_row, const at::Tensor& not_finite) {
  const int64_t channels = running_mean_.size(0);
  const at::Tensor groups = pending_row[2 * channels];
  at::Tensor seen = groups > 0;
  if (not_finite.defined()) seen = seen.logical_and(not_finite.eq(0).squeeze(0));
  const auto move = [&](at::Tensor& running, int64_t offset) {
    const at::Tensor mean = pending_row.narrow(0, offset, channels) / groups;
    const double keep = 1.0 - options_.momentum;
    running.copy_(at::where(seen, keep * running + options_.momentum * mean, running));
  };
  move(running_mean_, 0);
  move(running_var_, channels);
  num_batches_tracked_.add_(seen.to(num_batches_tracked_.scalar_type()));
  drop_pending_statistics();
}

void BatchNorm::move_running_statistics() { nearfar::move_running_statistics(*this, {}); }

void BatchNorm::drop_pending_statistics() {
  pending_mean_.reset();
  pending_var_.reset();
  pending_groups_ = 0;
}

void move_running_statistics(torch::nn::Module& root, const at::Tensor& not_finite) {
  const at::NoGradGuard no_grad;
  std::vector<BatchNorm*> norms = norms_inside(root);
  while (!norms.empty()) {
    Group* group = norms.front()->plan_.group;
    const auto others = std::stable_partition(norms.begin(), norms.end(), [group](BatchNorm* norm) {
      return norm->plan_.group == group;
    });
    std::vector<at::Tensor> rows;
    std::vector<int64_t> sizes;
    for (auto norm = norms.begin(); norm != others; ++norm) {
      rows.push_back((*norm)->pending_row());
      sizes.push_back(rows.back().size(0));
    }
    at::Tensor all = at::cat(rows);
    if (norms.front()->ranks() > 1) all = group->all_sum(all);
    rows = all.split_with_sizes(sizes);
    for (size_t i = 0; i < rows.size(); ++i) norms[i]->move_towards(rows[i], not_finite);
    norms.erase(norms.begin(), others);
  }
}

void drop_pending_statistics(torch::nn::Module& root) {
  for (BatchNorm* norm : norms_inside(root)) norm->drop_pending_statistics();
}

bool has_batch_norm(torch::nn::Module& root) { return !norms_inside(root).empty(); }

}  // namespace nearfar
