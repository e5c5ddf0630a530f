// The nearest-neighbour protocol: k, temperature and centring swept, chosen without the test set.
#include "framework/evaluate/knn_protocol.h"

#include <torch/types.h>

#include <algorithm>

#include "framework/evaluate/labelled_subset.h"
#include "framework/evaluate/nearest_neighbors.h"

namespace nearfar {
namespace {

int64_t largest_k(const KnnConfig& config) {
  TORCH_CHECK(!config.k.empty() && !config.temperature.empty() &&
                  std::is_sorted(config.k.begin(), config.k.end()),
              "knn: expected an ascending list of k and at least one temperature");
  return config.k.back();
}

/// Judges each (temperature, k) in the order of knn_settings, one centring.
std::vector<Accuracy> judge_settings(const Neighbors& neighbors, const at::Tensor& train_label,
                                     const at::Tensor& label, int64_t classes,
                                     const KnnConfig& config) {
  std::vector<Accuracy> result;
  for (const double temperature : config.temperature) {
    at::Tensor scores = at::zeros({label.size(0), classes}, at::kDouble);
    int64_t counted = 0;
    for (const int64_t k : config.k) {
      add_votes(scores, neighbors, train_label, counted, k, temperature);
      counted = k;
      result.push_back(judge(scores, label));
    }
  }
  return result;
}

/// Takes each query's own row out of its neighbours. Where the row itself is not among them (others
/// at the same place came first) the last one goes.
Neighbors without_own(const Neighbors& neighbors, const at::Tensor& own) {
  at::Tensor keep = neighbors.index != own.unsqueeze(1);
  const int64_t last = keep.size(1) - 1;
  keep.select(1, last).logical_and_(keep.narrow(1, 0, last).all(1).logical_not());
  const std::vector<int64_t> shape{keep.size(0), last};
  return {neighbors.similarity.masked_select(keep).view(shape),
          neighbors.index.masked_select(keep).view(shape)};
}

}  // namespace

std::vector<KnnSetting> knn_settings(const KnnConfig& config) {
  std::vector<KnnSetting> settings;
  for (const bool centred : {false, true}) {
    for (const double temperature : config.temperature) {
      for (const int64_t k : config.k) settings.push_back({k, temperature, centred});
    }
  }
  return settings;
}

std::vector<Accuracy> knn_sweep(const at::Tensor& train, const at::Tensor& train_label,
                                const at::Tensor& test, const at::Tensor& test_label,
                                int64_t classes, const KnnConfig& config, bool plain,
                                bool centred) {
  const at::NoGradGuard no_grad;
  const size_t each = config.k.size() * config.temperature.size();
  const int64_t memory = config.memory_mib << 20;
  const int64_t k = largest_k(config);
  std::vector<Accuracy> result;
  const auto append = [&](const at::Tensor& rows, const at::Tensor& queries) {
    const auto accuracies = judge_settings(nearest_neighbors(rows, queries, k, memory), train_label,
                                           test_label, classes, config);
    result.insert(result.end(), accuracies.begin(), accuracies.end());
  };
  if (plain) append(train, test);
  result.resize(each);
  if (centred) {
    const at::Tensor mean = train.mean(0);
    append(train - mean, test - mean);
  }
  result.resize(2 * each);
  return result;
}

std::vector<double> knn_leave_one_out(const at::Tensor& train, const at::Tensor& train_label,
                                      int64_t classes, const KnnConfig& config, uint64_t seed) {
  const at::NoGradGuard no_grad;
  TORCH_CHECK(train.size(0) > 1, "knn: expected at least two labelled images, got ", train.size(0));
  const int64_t k = std::min(largest_k(config), train.size(0) - 1);
  const at::Tensor own = sample_positions(train.size(0), config.choice_images, seed);
  const at::Tensor label = train_label.index_select(0, own);
  std::vector<double> result;
  for (const bool centred : {false, true}) {
    const at::Tensor rows = centred ? train - train.mean(0) : train;
    const Neighbors neighbors = without_own(
        nearest_neighbors(rows, rows.index_select(0, own), k + 1, config.memory_mib << 20), own);
    for (const Accuracy& accuracy :
         judge_settings(neighbors, train_label, label, classes, config)) {
      result.push_back(accuracy.top1);
    }
  }
  return result;
}

KnnResult knn_protocol(const at::Tensor& train, const at::Tensor& train_label,
                       const at::Tensor& test, const at::Tensor& test_label, int64_t classes,
                       const KnnConfig& config, uint64_t seed, const Choose& choose) {
  KnnResult result;
  result.held_out = knn_leave_one_out(train, train_label, classes, config, seed);
  result.chosen = choose(result.held_out);
  const bool centred = knn_settings(config).at(result.chosen).centred;
  result.test = knn_sweep(train, train_label, test, test_label, classes, config, !centred, centred);
  return result;
}

}  // namespace nearfar
