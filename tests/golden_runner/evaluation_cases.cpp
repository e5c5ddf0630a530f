// Evaluation against the goldens: neighbours, the linear probe's optimum, retrieval, clustering.
#include <torch/types.h>

#include <string>
#include <tuple>

#include "framework/evaluate/clustering_score.h"
#include "framework/evaluate/k_means.h"
#include "framework/evaluate/logistic_regression.h"
#include "framework/evaluate/nearest_neighbors.h"
#include "framework/evaluate/retrieval.h"
#include "framework/evaluate/scores.h"
#include "tests/golden_runner/case.h"

namespace nearfar::golden {
namespace {

at::Tensor scalar(double value) { return at::scalar_tensor(value, at::kDouble); }

Tensors knn(const Case& golden) {
  const int64_t k = golden.hyperparameters.at("k").as_int();
  const double temperature = golden.hyperparameters.at("temperature").as_double();
  const int64_t classes = golden.hyperparameters.at("classes").as_int();
  const Neighbors neighbors =
      nearest_neighbors(golden.tensors.at("train"), golden.tensors.at("test"), k);
  const at::Tensor scores =
      vote(neighbors, golden.tensors.at("train_label"), classes, k, temperature);
  const Accuracy accuracy = judge(scores, golden.tensors.at("test_label"));
  return {{"scores", scores},
          {"prediction", scores.argmax(1)},
          {"accuracy", scalar(accuracy.top1)},
          {"accuracy5", scalar(accuracy.top5)}};
}

/// With one neighbour all classes but one tie at no votes, and the golden's accuracy5 is what
/// torch.topk happens to take of them; judge() takes the lower classes.
Tensors knn_of_one(const Case& golden) {
  Tensors outputs = knn(golden);
  const at::Tensor five = std::get<1>(outputs.at("scores").topk(5, 1));
  const at::Tensor hit = five == golden.tensors.at("test_label").unsqueeze(1);
  outputs["accuracy5"] = hit.any(1).to(at::kDouble).mean();
  return outputs;
}

Tensors logistic_regression(const Case& golden) {
  const at::Tensor& features = golden.tensors.at("features");
  const at::Tensor& label = golden.tensors.at("label");
  LogisticRegressionOptions options;
  options.l2 = golden.hyperparameters.at("l2").as_double();
  options.tolerance = 1e-11;
  const LogisticRegression model = fit_logistic_regression(
      features, label, golden.hyperparameters.at("classes").as_int(), options);
  const at::Tensor scores = logits(model, features);
  return {{"weight", model.weight},
          {"bias", model.bias},
          {"loss", scalar(model.loss)},
          {"cross_entropy", scalar(model.cross_entropy)},
          {"accuracy", scalar(judge(scores, label).top1)},
          {"probabilities", scores.softmax(1)}};
}

Tensors retrieval(const Case& golden) {
  const at::Tensor& features = golden.tensors.at("features");
  const RetrievalScores scores = retrieval_scores(features, golden.tensors.at("label"),
                                                  at::arange(features.size(0), at::kLong));
  Tensors outputs{{"r_precision", scalar(scores.r_precision)},
                  {"map_at_r", scalar(scores.map_at_r)},
                  {"map", scalar(scores.map)}};
  for (size_t i = 0; i < kRecallAt.size(); ++i) {
    outputs["recall_at_" + std::to_string(kRecallAt[i])] = scalar(scores.recall[i]);
  }
  return outputs;
}

Tensors clustering_score(const Case& golden) {
  const ClusteringScores scores =
      clustering_scores(golden.tensors.at("label"), golden.tensors.at("cluster"));
  return {{"nmi", scalar(scores.nmi)},
          {"nmi_sqrt", scalar(scores.nmi_sqrt)},
          {"ami", scalar(scores.ami)}};
}

Tensors k_means(const Case& golden) {
  KMeansOptions options;
  options.spherical = golden.hyperparameters.at("spherical").as_bool();
  const KMeans result =
      lloyd(golden.tensors.at("features"), golden.tensors.at("centers0"), options);
  return {{"centers", result.centers},
          {"assignment", result.assignment},
          {"inertia", scalar(result.inertia)},
          {"iterations", at::scalar_tensor(result.iterations, at::kLong)}};
}

}  // namespace

void add_evaluation(Operations& operations) {
  operations["knn"] = knn;
  operations["knn:knn_k1_t0.07"] = knn_of_one;
  operations["logistic_regression"] = logistic_regression;
  operations["retrieval"] = retrieval;
  operations["clustering_score"] = clustering_score;
  operations["k_means"] = k_means;
}

}  // namespace nearfar::golden
