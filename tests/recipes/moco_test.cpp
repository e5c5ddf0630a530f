// MoCo against its definition: the loss over queues that fill and wrap, keys that follow, and whose
// BatchNorm statistics they share.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "distributed/thread_group.h"
#include "tests/framework/encoders/module_tensors.h"
#include "tests/recipes/small_recipe.h"

namespace nearfar {
namespace {

constexpr double kTemperature = 0.2;
constexpr int64_t kQueue = 10, kWidth = 5;

using Texts = std::vector<std::string>;

Texts settings(const Texts& more = {}) {
  Texts all{"temperature=0.2", "projection.width=5", "queue.length=10", "momentum.start=0.9",
            "view.size=12"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

/// The queue as a list in which the k-th key ever takes place k mod length.
struct KeyList {
  std::vector<at::Tensor> rows;
  std::vector<int64_t> images;
  int64_t count = 0;

  void add(const at::Tensor& keys, const at::Tensor& images_of_keys) {
    for (int64_t i = 0; i < keys.size(0); ++i, ++count) {
      if (count < kQueue) {
        rows.emplace_back();
        images.emplace_back();
      }
      rows[count % kQueue] = keys[i] / keys[i].norm();
      images[count % kQueue] = images_of_keys[i].item<int64_t>();
    }
  }
};

/// He et al. 2019, equation 1, query by query, without the keys of a query's own image.
at::Tensor defined_loss(const at::Tensor& queries, const at::Tensor& keys, const KeyList& queue,
                        const at::Tensor& images) {
  std::vector<at::Tensor> losses;
  for (int64_t i = 0; i < queries.size(0); ++i) {
    const at::Tensor query = queries[i] / queries[i].norm();
    std::vector<at::Tensor> logits{query.dot(keys[i] / keys[i].norm()) / kTemperature};
    for (size_t k = 0; k < queue.rows.size(); ++k) {
      if (queue.images[k] == images[i].item<int64_t>()) continue;
      logits.push_back(query.dot(queue.rows[k]) / kTemperature);
    }
    losses.push_back(at::stack(logits).logsumexp(0) - logits[0]);
  }
  return at::stack(losses).mean();
}

/// Seven steps of a recipe and its definition, on embeddings that no network made.
class Definition {
 public:
  Definition(const Texts& more, Group& group)
      : group_(group), small_(make_small_recipe("moco", settings(more), plan_, group)) {}

  void expect_equal() {
    for (int64_t step = 0; step < 7; ++step) expect_equal_step(step);
  }

 private:
  void expect_equal_step(int64_t step) {
    SoloGroup solo;
    const Batch whole = batch_of(step, solo), batch = batch_of(step, group_);
    const size_t directions = small_.recipe->views().size() == 4 || is_in_order(whole) ? 2 : 1;
    Embeddings mine, all;  // queries, then keys
    for (size_t e = 0; e < 2 * directions; ++e) {
      all.push_back(waves({plan_.batch, kWidth}, 0.3 * static_cast<double>(step) + 0.7 * e));
      const at::Tensor shown = e < directions || is_in_order(whole)
                                   ? all.back()
                                   : all.back().index_select(0, whole.permutation);
      mine.push_back(shown.narrow(0, batch.shard.begin, batch.shard.size()).clone());
    }
    for (size_t d = 0; d < directions; ++d) {
      mine[d].requires_grad_();
      all[d].requires_grad_();
    }
    compare(small_.recipe->loss(mine, batch), mine, batch, all, whole, directions);
    small_.recipe->after_step(mine, batch);
    for (size_t k = directions; k < all.size(); ++k) queue_.add(all[k], whole.index);
  }

  /// Images come back while keys of theirs are still in the queue.
  Batch batch_of(int64_t step, Group& group) const {
    Batch batch = small_batch(plan_, step, *small_.recipe, group);
    batch.index = (batch.index + 4 * step).remainder(13);
    return batch;
  }

  static bool is_in_order(const Batch& batch) { return !batch.permutation.defined(); }

  void compare(const Loss& found, const Embeddings& mine, const Batch& batch, const Embeddings& all,
               const Batch& whole, size_t directions) {
    std::vector<at::Tensor> terms;
    double similarity = 0.0;
    for (size_t d = 0; d < directions; ++d) {
      const at::Tensor& key = all[all.size() - 1 - d];
      terms.push_back(defined_loss(all[d], key, queue_, whole.index));
      similarity += at::cosine_similarity(all[d], key).mean().item<double>() /
                    static_cast<double>(directions);
    }
    const at::Tensor expected = at::stack(terms).mean();
    found.value.backward();
    if (expected.requires_grad()) expected.backward();
    // float64: sums of a few dozen terms of size 1 / temperature.
    const double ranks = group_.size();
    EXPECT_NEAR(group_.all_sum(found.value.detach()).item<double>() / ranks,
                expected.item<double>(), 1e-12);
    for (size_t d = 0; d < directions; ++d) {
      const at::Tensor gradient =
          all[d].grad().narrow(0, batch.shard.begin, batch.shard.size()) * ranks;
      EXPECT_LT(worst_difference(mine[d].grad(), gradient), 1e-12);
    }
    EXPECT_EQ(found.random_guess, std::log1p(static_cast<double>(queue_.rows.size())));
    ASSERT_EQ(found.report.size(), 1U);
    EXPECT_NEAR(found.report[0].second.item<double>(), similarity, 1e-12);
  }

  const SmallPlan plan_{.batch = 6};
  Group& group_;
  SmallRecipe small_;
  KeyList queue_;
};

TEST(Moco, IsItsDefinitionOverAQueueThatFillsAndWraps) {
  for (const Texts& more :
       {Texts{}, Texts{"symmetric=true"}, Texts{"symmetric=true", "shuffle=false"},
        Texts{"queue.sharded=true"}}) {
    for (const int ranks : {1, 2, 4}) {
      run_ranks(ranks, [&](Group& group) { Definition(more, group).expect_equal(); });
    }
  }
}

const std::string kQuery = "encoders.query.", kKey = "encoders.key.";

/// Parameters of the encoder of queries or of keys, by their names in it.
std::map<std::string, at::Tensor> part(const NamedValues& values, const std::string& prefix) {
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [name, value] : values) {
    if (name.starts_with(prefix)) tensors[name.substr(prefix.size())] = value;
  }
  return tensors;
}

/// What the recipe is after `steps` steps from one seed.
NamedValues after_steps(int64_t steps) {
  SoloGroup group;
  const SmallPlan plan{.batch = 12, .norm_batch = 4};
  SmallRecipe small = make_small_recipe("moco", settings(), plan, group);
  return train_small(small, plan, steps, 0, group);
}

TEST(Moco, KeysStartAsQueriesAndFollow) {
  SoloGroup group;
  const SmallRecipe small = make_small_recipe("moco", settings(), {}, group);
  std::map<std::string, at::Tensor> keys;
  for (const auto& item : small.recipe->named_parameters()) {
    if (!item.key().starts_with(kKey)) continue;
    const std::string name = item.key().substr(kKey.size());
    keys[name] = item.value().clone();
    EXPECT_TRUE(item.value().equal(parameter(*small.recipe, kQuery + name))) << name;
  }
  ASSERT_GT(keys.size(), 10U);
  for (int64_t steps = 1; steps <= 3; ++steps) {
    const NamedValues values = after_steps(steps);
    const auto queries = part(values, kQuery), found = part(values, kKey);
    for (auto& [name, key] : keys) {
      key = 0.9 * key + (1.0 - 0.9) * queries.at(name);
      EXPECT_LT(worst_difference(found.at(name), key), 1e-14) << name;
    }
    // They lag, so the momentum is not one that copies.
    const std::string first = "encoder.conv1.weight";
    EXPECT_GT(worst_difference(keys.at(first), queries.at(first)), 1e-6);
  }
}

TEST(Moco, NobodyLearnsTheEncoderOfKeysAndItsStatisticsAreItsOwn) {
  SoloGroup group;
  const SmallRecipe small = make_small_recipe("moco", settings(), {}, group);
  for (const ParameterGroup& learned : small.recipe->parameter_groups()) {
    for (const auto& [name, value] : learned.parameters) EXPECT_TRUE(name.starts_with(kQuery));
  }
  const Batch batch = small_batch({}, 0, *small.recipe, group);
  *small.piece = batch.shard;
  const Embeddings embeddings = small.recipe->embed(batch);
  EXPECT_TRUE(embeddings.front().requires_grad());
  EXPECT_FALSE(embeddings.back().requires_grad());

  const NamedValues values = after_steps(3);
  const at::Tensor queries = part(values, kQuery).at("encoder.bn1.running_mean");
  const at::Tensor keys = part(values, kKey).at("encoder.bn1.running_mean");
  EXPECT_GT(keys.abs().max().item<double>(), 1e-3);
  EXPECT_GT(worst_difference(queries, keys), 1e-6);
}

/// Which samples' embeddings change where one row of a view does.
std::set<int64_t> companions(SmallRecipe& small, const Batch& batch, size_t view, int64_t row) {
  const at::NoGradGuard no_grad;
  const Embeddings before = small.recipe->embed(batch);
  Batch other = batch;
  other.views[view] = batch.views[view].clone();
  other.views[view][row] *= 0.5;
  const at::Tensor moved = (small.recipe->embed(other)[view] - before[view]).abs().amax(1);
  const bool shuffled = view == 1 && batch.permutation.defined();
  std::set<int64_t> samples;
  for (int64_t i = 0; i < moved.size(0); ++i) {
    if (moved[i].item<double>() < 1e-9) continue;
    samples.insert(shuffled ? batch.permutation[i].item<int64_t>() : i);
  }
  return samples;
}

/// Of the three images beside which a query is normalised, the mean number that its key meets too.
double shared_companions(const Texts& more) {
  SoloGroup group;
  const SmallPlan plan{.batch = 32, .norm_batch = 4, .side = 8};
  SmallRecipe small = make_small_recipe("moco", settings(more), plan, group);
  const Batch batch = small_batch(plan, 0, *small.recipe, group);
  *small.piece = batch.shard;
  double shared = 0.0;
  for (int64_t i = 0; i < plan.batch; ++i) {
    const int64_t sample = batch.permutation.defined() ? batch.permutation[i].item<int64_t>() : i;
    const std::set<int64_t> of_query = companions(small, batch, 0, sample);
    const std::set<int64_t> of_key = companions(small, batch, 1, i);
    EXPECT_EQ(of_query.size(), 4U);
    EXPECT_EQ(of_key.size(), 4U);
    for (const int64_t image : of_query) shared += of_key.contains(image) && image != sample;
  }
  return shared / static_cast<double>(plan.batch);
}

// What a query and its key have in common besides the image is what BatchNorm can give away.
TEST(Moco, KeysAreNormalisedBesideOtherImagesThanQueries) {
  EXPECT_EQ(shared_companions({"shuffle=false"}), 3.0);
  // Of a random order: 3 * 3 / 31 = 0.29.
  EXPECT_LT(shared_companions({}), 0.6);
}

TEST(Moco, FiftyStepsLeaveOneQueueOnAllRanks) {
  const SmallPlan plan{.batch = 14, .norm_batch = 14, .side = 8, .steps = 50, .rate = 0.01};
  const auto queue_after = [&plan](Group& group) {
    SmallRecipe small = make_small_recipe("moco", settings({"queue.length=45"}), plan, group);
    return part(train_small(small, plan, plan.steps, 0, group), "queue.");
  };
  SoloGroup solo;
  const auto expected = queue_after(solo);
  EXPECT_EQ(expected.at("pointer").item<int64_t>(), 50 * 14 % 45);
  for (const int ranks : {2, 4}) {
    std::vector<std::map<std::string, at::Tensor>> queues(static_cast<size_t>(ranks));
    run_ranks(ranks, [&](Group& group) {
      queues[static_cast<size_t>(group.rank())] = queue_after(group);
    });
    for (const auto& queue : queues) {
      for (const auto& [name, tensor] : queue) EXPECT_TRUE(tensor.equal(queues[0].at(name)));
      EXPECT_TRUE(queue.at("index").equal(expected.at("index")));
      EXPECT_TRUE(queue.at("pointer").equal(expected.at("pointer")));
      // float64 sums in another order, which fifty steps amplify.
      EXPECT_LT(worst_difference(queue.at("rows"), expected.at("rows")), 1e-8);
    }
  }
}

}  // namespace
}  // namespace nearfar
