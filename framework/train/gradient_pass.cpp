// Gradients of whole batches, also where only a part of one fits on the device.
#include "framework/train/gradient_pass.h"

#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include <algorithm>

#include "framework/encoders/batch_norm.h"
#include "framework/encoders/norm_groups.h"
#include "framework/error.h"

namespace nearfar {
namespace {

/// The rows of one piece as a batch of its own. Its random stream is the batch's: what a network
/// draws by row, it draws by the row's number in the global batch.
Batch piece_of(const Batch& batch, const Shard& piece) {
  const auto rows = [&](const at::Tensor& tensor) {
    if (!tensor.defined()) return tensor;
    return tensor.narrow(0, piece.begin - batch.shard.begin, piece.size());
  };
  Batch part = batch;
  for (at::Tensor& view : part.views) view = rows(view);
  part.index = rows(batch.index);
  part.label = rows(batch.label);
  part.target = rows(batch.target);
  part.shard = piece;
  return part;
}

Embeddings embed(Recipe& recipe, const Batch& batch, const GradientPlan& plan) {
  if (plan.piece) *plan.piece = batch.shard;
  return embed_in(plan.precision, recipe, batch);
}

void detach_all(Embeddings& embeddings) {
  for (at::Tensor& embedding : embeddings) embedding = embedding.detach();
}

PassResult whole_pass(Recipe& recipe, const Batch& batch, const GradientPlan& plan,
                      const LastBackward& last_backward) {
  PassResult result;
  result.embeddings = embed(recipe, batch, plan);
  result.loss = recipe.loss(result.embeddings, batch);
  if (last_backward) last_backward({result.loss.value});
  result.loss.value.backward();
  result.loss.value = result.loss.value.detach();
  detach_all(result.embeddings);
  return result;
}

/// Embeddings of all rows as leaves of the loss's graph. Those that the networks give no gradient
/// (keys of a momentum encoder) get none here: the first piece's graph, dropped at once, tells.
Embeddings embed_pieces(Recipe& recipe, const Batch& batch, const std::vector<Shard>& pieces,
                        const GradientPlan& plan) {
  std::vector<std::vector<at::Tensor>> parts;  // by embedding, then by piece
  std::vector<bool> needs_gradient;
  for (const Shard& piece : pieces) {
    const at::AutoGradMode with_graph(parts.empty());
    const Embeddings embeddings = embed(recipe, piece_of(batch, piece), plan);
    parts.resize(embeddings.size());
    for (size_t e = 0; e < embeddings.size(); ++e) {
      if (needs_gradient.size() <= e) needs_gradient.push_back(embeddings[e].requires_grad());
      parts[e].push_back(embeddings[e].detach());
    }
  }
  Embeddings leaves;
  for (size_t e = 0; e < parts.size(); ++e) {
    leaves.push_back(at::cat(parts[e]).requires_grad_(needs_gradient[e]));
  }
  // The second pass sees the same groups: each counts once.
  drop_pending_statistics(recipe);
  return leaves;
}

/// Embeds one piece again and sends the gradient at its embeddings back through the networks.
void backward_piece(Recipe& recipe, const Batch& batch, const Shard& piece,
                    const std::vector<at::Tensor>& gradients, const GradientPlan& plan,
                    const LastBackward& last_backward) {
  const Embeddings embeddings = embed(recipe, piece_of(batch, piece), plan);
  std::vector<at::Tensor> roots, root_gradients;
  for (size_t e = 0; e < embeddings.size(); ++e) {
    if (!embeddings[e].requires_grad() || !gradients[e].defined()) continue;
    roots.push_back(embeddings[e]);
    root_gradients.push_back(gradients[e].narrow(0, piece.begin - batch.shard.begin, piece.size()));
  }
  if (last_backward) last_backward(roots);
  if (!roots.empty()) torch::autograd::backward(roots, root_gradients);
}

PassResult cached_pass(Recipe& recipe, const Batch& batch, const std::vector<Shard>& pieces,
                       const GradientPlan& plan, const LastBackward& last_backward) {
  PassResult result;
  result.embeddings = embed_pieces(recipe, batch, pieces, plan);
  result.loss = recipe.loss(result.embeddings, batch);
  result.loss.value.backward();
  result.loss.value = result.loss.value.detach();
  std::vector<at::Tensor> gradients;
  for (const at::Tensor& leaf : result.embeddings) gradients.push_back(leaf.grad());
  detach_all(result.embeddings);
  for (const Shard& piece : pieces) {
    const bool is_last = &piece == &pieces.back();
    backward_piece(recipe, batch, piece, gradients, plan, is_last ? last_backward : LastBackward());
  }
  return result;
}

}  // namespace

std::vector<Shard> micro_batches(const Shard& shard, int64_t micro_batch) {
  const int64_t rows = micro_batch == 0 ? std::max<int64_t>(shard.size(), 1) : micro_batch;
  std::vector<Shard> pieces;
  for (int64_t begin = shard.begin; begin < shard.end; begin += rows) {
    pieces.push_back({begin, std::min(begin + rows, shard.end), shard.total});
  }
  return pieces;
}

PassResult add_gradients(Recipe& recipe, const Batch& batch, const GradientPlan& plan,
                         const LastBackward& last_backward) {
  const std::vector<Shard> pieces = micro_batches(batch.shard, plan.micro_batch);
  return pieces.size() <= 1 ? whole_pass(recipe, batch, plan, last_backward)
                            : cached_pass(recipe, batch, pieces, plan, last_backward);
}

void check_micro_batch(Recipe& recipe, int64_t micro_batch, int64_t batch, int64_t norm_batch,
                       int ranks) {
  if (micro_batch == 0 || !has_batch_norm(recipe)) return;
  for (int rank = 0; rank < ranks; ++rank) {
    const std::vector<Shard> pieces = micro_batches(shard(batch, ranks, rank), micro_batch);
    if (pieces.size() <= 1) continue;
    if (groups_stay_on_ranks(norm_batch, batch, ranks) &&
        std::all_of(pieces.begin(), pieces.end(), [norm_batch](const Shard& piece) {
          return holds_whole_groups(norm_batch, piece);
        })) {
      continue;
    }
    const std::string rows = std::to_string(norm_group_rows(norm_batch, batch));
    const std::string micro = std::to_string(micro_batch);
    throw ConfigError("train.micro_batch: expected a multiple of encoder.norm_batch, found " +
                      micro + " where " + rows +
                      " images share BatchNorm statistics; encoder.norm_batch=" + micro +
                      " shares them among " + micro + " images instead (another result)");
  }
}

}  // namespace nearfar
