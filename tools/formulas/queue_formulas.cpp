// What moves without gradient, on named tensors.
#include <torch/types.h>

#include "recipes/blocks/feature_queue.h"
#include "tools/formulas/loss_formulas.h"

namespace nearfar {
namespace {

struct QueueConfig {
  int64_t pointer0 = 0;
  void describe(auto& field) {
    field("pointer0", pointer0, int64_t{0}, int64_t{1} << 40, "where the first key goes");
  }
};

Computed update(const TensorsByName& inputs, const QueueConfig& config) {
  const at::Tensor &start = inputs.at("queue0"), &keys_Snd = inputs.at("keys");
  FeatureQueue queue(start.size(0), start.size(1));
  auto buffers = queue.named_buffers();
  buffers["rows"].set_data(start.clone());
  buffers["filled"].fill_(start.size(0));
  buffers["pointer"].fill_(config.pointer0 % start.size(0));
  const int64_t steps = keys_Snd.size(0);
  const at::Tensor queues = at::empty({steps, start.size(0), start.size(1)}, start.options());
  const at::Tensor pointers = at::empty({steps}, at::kLong);
  for (int64_t step = 0; step < steps; ++step) {
    queue.append(keys_Snd[step], at::zeros({keys_Snd.size(1)}, at::kLong));
    queues[step].copy_(queue.negatives().rows);
    pointers[step].fill_(queue.pointer());
  }
  return {{}, {{"queues", queues}, {"pointers", pointers}}};
}

}  // namespace

void add_queue_formulas(std::vector<Formula>& formulas) {
  formulas.push_back(make_formula<QueueConfig>(
      "queue_update", "keys written at (pointer + i) mod K, step by step", "He et al. 2020, MoCo",
      {{"queue0", "K d", InputKind::constant}, {"keys", "S n d", InputKind::constant}}, update));
}

}  // namespace nearfar
