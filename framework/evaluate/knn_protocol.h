// The nearest-neighbour protocol: k, temperature and centring swept, chosen without the test set.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "framework/evaluate/choice.h"
#include "framework/evaluate/scores.h"

namespace nearfar {

struct KnnConfig {
  std::vector<int64_t> k = {1, 5, 10, 20, 50, 100, 200};
  std::vector<double> temperature = {0.05, 0.07, 0.1, 0.2};
  int64_t choice_images = 5000;
  int64_t memory_mib = 256;

  void describe(auto& field) {
    field("k", k, int64_t{1}, int64_t{100000}, "numbers of neighbours that are swept, ascending");
    field("temperature", temperature, 0.002, 100.0,
          "temperatures of the vote exp(cosine / temperature) that are swept");
    field("choice_images", choice_images, int64_t{1}, int64_t{1} << 40,
          "at most so many labelled images, each left out in turn, decide between the settings");
    field("memory_mib", memory_mib, int64_t{8}, int64_t{1} << 20,
          "memory that a neighbour search may take besides the features");
  }
};

/// One setting of the sweep. Centred: the mean of the labelled features is subtracted first.
struct KnnSetting {
  int64_t k = 0;
  double temperature = 0.0;
  bool centred = false;
  bool operator==(const KnnSetting&) const = default;
};

/// All settings: not centred first, then by temperature, then by k, as listed in the config.
std::vector<KnnSetting> knn_settings(const KnnConfig& config);

/// Accuracy on the test set of every setting whose `wanted` centring is asked for, in the order of
/// knn_settings; the others stay empty (count 0). train [N, d], test [Q, d].
std::vector<Accuracy> knn_sweep(const at::Tensor& train, const at::Tensor& train_label,
                                const at::Tensor& test, const at::Tensor& test_label,
                                int64_t classes, const KnnConfig& config, bool plain, bool centred);

/// Top-1 of every setting on labelled images left out one at a time (a seeded sample of at most
/// choice_images): each is judged by its neighbours among all the others.
std::vector<double> knn_leave_one_out(const at::Tensor& train, const at::Tensor& train_label,
                                      int64_t classes, const KnnConfig& config, uint64_t seed);

struct KnnResult {
  size_t chosen = 0;             // position in knn_settings
  std::vector<double> held_out;  // leave-one-out top-1 of every setting
  std::vector<Accuracy> test;    // of every setting with the chosen one's centring; others empty
};

/// Takes the setting that `choose` finds by their leave-one-out top-1. Nothing of the test set
/// enters the choice.
KnnResult knn_protocol(const at::Tensor& train, const at::Tensor& train_label,
                       const at::Tensor& test, const at::Tensor& test_label, int64_t classes,
                       const KnnConfig& config, uint64_t seed,
                       const Choose& choose = best_held_out);

}  // namespace nearfar
