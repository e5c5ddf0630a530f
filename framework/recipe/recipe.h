// What a recipe is: the one interface that every pretraining method implements.
#pragma once

#include <torch/nn/module.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "augment/random.h"
#include "augment/view_policy.h"
#include "distributed/group.h"
#include "distributed/shard.h"
#include "framework/data/dataset.h"
#include "framework/encoders/encoder.h"

namespace nearfar {

/// One rank's piece of one global batch. n rows, row i of every tensor belongs to sample i.
struct Batch {
  std::vector<at::Tensor> views;  // each [n, C, size, size] float32, channels-last, normalised
  at::Tensor index;               // [n] int64, position in the data set
  at::Tensor label;               // [n] int64, -1 without labels; never used by pretraining recipes
  at::Tensor target;              // [n, t] float32, the t real-valued targets; undefined without
  Shard shard;                    // which rows of the global batch
  at::Tensor permutation;  // [N] int64, see Recipe::shuffled_views(); undefined: none is shuffled
  int64_t step = 0;
  int64_t epoch = 0;
  double progress = 0.0;  // share of the run that is done, in [0, 1)
  Random random{0, 0, 0, Purpose::recipe};
};

/// Each [n, ...]; row i belongs to sample i, or to what row i of a shuffled view shows. Those that
/// require grad receive one.
using Embeddings = std::vector<at::Tensor>;

/// Named numbers for the log.
using Report = std::vector<std::pair<std::string, at::Tensor>>;

struct Loss {
  at::Tensor value;           // 0-d; the mean over ranks of it is what is minimised
  double random_guess = 0.0;  // what an encoder that knows nothing would reach
  Report report;
};

/// Parameters that are optimised alike.
struct ParameterGroup {
  std::string name;
  std::vector<std::pair<std::string, at::Tensor>> parameters;  // by their name in the recipe
  bool decay = true;                                           // weight decay applies
  bool adapt = true;                 // layer-wise adaptation (LARS) applies
  bool frozen = false;               // never updated
  double rate_scale = 1.0;           // times the scheduled learning rate
  std::optional<double> fixed_rate;  // this rate instead of the scheduled one
};

/// A network that follows another: target <- m target + (1 - m) online after each update.
/// Parameters are matched by name; buffers are the target's own.
struct Follower {
  std::shared_ptr<torch::nn::Module> online;
  std::shared_ptr<torch::nn::Module> target;
  std::function<double(double progress)> momentum;
};

/// What a recipe may need to know when it is built.
struct TrainPlan {
  int64_t batch = 0;  // global
  int64_t epochs = 0;
  int64_t steps = 0;
  int64_t steps_per_epoch = 0;
  uint64_t seed = 0;
  NormPlan norm;                 // for BatchNorm in heads
  int64_t images_per_class = 0;  // in every batch, of each class in it; 0: batches are not balanced
  std::string without_label;     // the first image of its batches that has no label; empty: none
};

struct Setup {
  /// A freshly initialised encoder at each call, for views of that many pixels.
  std::function<std::shared_ptr<Encoder>(int64_t image_size)> make_encoder;
  Group& group;
  DatasetInfo data;
  TrainPlan plan;
};

/// What a recipe may do between epochs: features of the whole training set, another order.
struct EpochContext {
  int64_t epoch = 0;
  Group& group;
  const DatasetInfo& data;
  Random random;
  /// Features [size, width] float32 of every training image (evaluation view) by a network in eval
  /// mode.
  std::function<at::Tensor(Encoder&)> features;
  /// The order of this epoch, indices into the data set; the recipe may replace it by another of
  /// the same length, images repeated or left out.
  std::vector<int64_t>& order;
};

/// A pretraining method. It is a Module: parameters, devices and checkpoints come free, and what
/// must survive a restart (a queue, a bank) is a registered buffer.
class Recipe : public torch::nn::Module {
 public:
  /// How each view of an image is drawn, in the order of Batch::views.
  virtual std::vector<ViewPolicy> views() const = 0;
  /// Which of them come in another order of the global batch, so that BatchNorm groups hold other
  /// images than those of the views in order (He et al. 2020, "Momentum contrast for unsupervised
  /// visual representation learning", section 3.3); empty: none. Row i of such a view shows the
  /// sample at global row Batch::permutation[shard.begin + i]; index, label, target and all other
  /// views are in order. recipes/blocks/batch_shuffle.h puts embeddings back.
  virtual std::vector<bool> shuffled_views() const;
  /// The networks. Pure and repeatable: called in pieces and twice by gradient caching.
  virtual Embeddings embed(const Batch& batch) = 0;
  /// No network inside; may look at other ranks; may own parameters.
  virtual Loss loss(const Embeddings& embeddings, const Batch& batch) = 0;
  /// What moves without gradient, after the optimiser and the followers: queue, bank, centre.
  virtual void after_step(const Embeddings& embeddings, const Batch& batch);
  virtual void before_epoch(EpochContext& context);
  /// Default: all parameters that require grad but followers' targets; 1-d ones (biases, norms)
  /// without decay and adaptation.
  virtual std::vector<ParameterGroup> parameter_groups();
  virtual std::vector<Follower> followers();
  /// What is kept.
  virtual std::shared_ptr<Encoder> encoder() const = 0;
};

}  // namespace nearfar
