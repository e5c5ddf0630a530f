// Judges an encoder beside its untrained self and raw pixels, by method and share of labels used.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "framework/data/dataset.h"
#include "framework/evaluate/clustering.h"
#include "framework/evaluate/knn_protocol.h"
#include "framework/evaluate/linear_probe.h"
#include "framework/evaluate/linear_sgd.h"
#include "framework/evaluate/online.h"
#include "framework/evaluate/open_set.h"
#include "framework/evaluate/retrieval.h"
#include "framework/evaluate/training_views.h"
#include "framework/evaluate/verification.h"
#include "framework/json/json.h"
#include "framework/log/log.h"
#include "framework/log/table.h"

namespace nearfar {

/// Features of both parts of a data set, train [N, d] and test [Q, d] float32; undefined when
/// absent.
struct SplitFeatures {
  at::Tensor train;
  at::Tensor test;
  /// The training part with augmentation; needed by linear_sgd with evaluate.linear_sgd.augment.
  TrainingViews augmented = {};
};

/// What is compared. Sources without features are left out of the document.
struct EvaluationInputs {
  SplitFeatures encoder;
  SplitFeatures untrained;
  SplitFeatures raw_pixels;
  at::Tensor train_label;  // [N] int64 in [0, classes)
  at::Tensor test_label;   // [Q] int64
  DatasetInfo data;        // of the training part; its class names are the classes
};

struct EvaluationConfig {
  std::string methods = "linear,knn";
  std::vector<double> fractions = {1.0, 0.1, 0.01};
  std::vector<int64_t> draws = {1, 3, 5};
  int64_t seed = 0;
  int64_t every = 0;
  OnlineConfig online;
  int64_t image_size = 0;
  LinearProbeConfig linear;
  LinearSgdConfig linear_sgd;
  KnnConfig knn;
  bool centred = false;
  RetrievalConfig retrieval;
  ClusteringConfig clustering;
  VerificationConfig verification;
  OpenSetConfig open_set;

  void describe(auto& field) {
    field("methods", methods,
          "judges, separated by commas: linear, linear_sgd, knn, retrieval, clustering, "
          "verification, open_set");
    field("fractions", fractions, 1e-6, 1.0, "shares of the training labels that are used");
    field("draws", draws, int64_t{1}, int64_t{1000},
          "labelled subsets drawn for each of these shares; their deviation is the spread");
    field("seed", seed, int64_t{0}, int64_t{1} << 62,
          "of labelled subsets, samples of images and pairs, starts and class splits");
    field("every", every, int64_t{0}, int64_t{1} << 31,
          "epochs of pretraining between judgings on held-out training images; 0: never");
    field("online", online, "what those judgings look at, and how");
    field("image_size", image_size, int64_t{0}, int64_t{4096},
          "side of the images that the encoder sees; 0: as in its training, 224 for weights of "
          "others");
    field("linear", linear, "logistic regression on standardised features");
    field("linear_sgd", linear_sgd, "a linear classifier by SGD on augmented views");
    field("knn", knn, "weighted nearest neighbours by cosine");
    field("centred", centred,
          "whether the methods below subtract the mean of the training features; raw pixels get "
          "what is better for them");
    field("retrieval", retrieval, "ranking of images by cosine");
    field("clustering", clustering, "k-means with as many clusters as classes");
    field("verification", verification, "pairs of one class against pairs of two");
    field("open_set", open_set, "identification in a gallery that grows after training");
  }
};

/// All methods, separated by ", ", in the order in which errors and help name them.
std::string evaluation_method_names();

/// The methods of the comma-separated list. Throws ConfigError for an unknown or repeated one.
std::vector<std::string> evaluation_methods(const std::string& list);

/// Throws what evaluate() would throw for labels, settings and methods; needs no features, which
/// take hours to extract: ConfigError naming the key, DataError naming the data.
void check_evaluation(const EvaluationInputs& inputs, const EvaluationConfig& config);

/// The document of evaluation.json: data, and methods by source (encoder, untrained, raw_pixels)
/// and fraction, as README.md in this folder describes it. Settings are chosen on held-out training
/// labels, except for the neighbours of raw_pixels: the baseline to beat gets the setting that is
/// best on the test set. Throws what check_evaluation() does.
Json evaluate(const EvaluationInputs& inputs, const EvaluationConfig& config, Log& log);

/// The document as a table of each method's headline (%, with the spread over draws), and a
/// sentence for each method that says whether the encoder beats both baselines, and by how much.
/// Takes what evaluate() returned; throws ConfigError for a document of another form.
std::string evaluation_table(const Json& document, TableStyle style = TableStyle::plain);

}  // namespace nearfar
