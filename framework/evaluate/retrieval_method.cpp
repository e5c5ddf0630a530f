// Judges by retrieval among the test images, and of training images by test images.
#include <torch/types.h>

#include <string>
#include <utility>

#include "framework/error.h"
#include "framework/evaluate/centring.h"
#include "framework/evaluate/clustering.h"
#include "framework/evaluate/labelled_subset.h"
#include "framework/evaluate/method.h"
#include "framework/evaluate/report.h"
#include "framework/evaluate/retrieval.h"

namespace nearfar {
namespace {

at::Tensor draw_queries(const EvaluationInputs& inputs, const EvaluationConfig& config) {
  return sample_positions(inputs.test_label.size(0), config.retrieval.queries,
                          static_cast<uint64_t>(config.seed));
}

void check_partners(const EvaluationInputs& inputs, const EvaluationConfig& config) {
  const at::Tensor images = at::bincount(inputs.test_label);
  const at::Tensor queries = draw_queries(inputs, config);
  const at::Tensor own = images.index_select(0, inputs.test_label.index_select(0, queries));
  if ((own > 1).any().item<bool>()) return;
  throw DataError(inputs.data.path +
                  ": expected test images of one class to retrieve each other, found one of each "
                  "class among the " +
                  std::to_string(queries.size(0)) + " queries");
}

/// The scores as keys of an entry.
void add_scores(Json& entry, const RetrievalScores& scores) {
  for (size_t i = 0; i < kRecallAt.size(); ++i) {
    entry["recall_at_" + std::to_string(kRecallAt[i])] = scores.recall[i];
  }
  entry["r_precision"] = scores.r_precision;
  entry["map"] = scores.map;
  entry["queries"] = scores.queries;
  entry["lonely"] = scores.lonely;
}

/// Test queries among the training images, with the headline that the entry itself has.
Json against_train(const SplitFeatures& features, const EvaluationInputs& inputs,
                   const at::Tensor& queries) {
  const RetrievalScores scores = retrieval_scores(features.test.index_select(0, queries),
                                                  inputs.test_label.index_select(0, queries),
                                                  features.train, inputs.train_label);
  if (scores.queries == 0) return {};
  Json entry = Json::object({{"map_at_r", scores.map_at_r}});
  add_scores(entry, scores);
  return entry;
}

SplitFeatures chosen(const EvaluationTask& task, bool centred) {
  return centred ? centre(task.features) : task.features;
}

Json judge_among_test(const EvaluationTask& task, const at::Tensor& features,
                      const at::Tensor& queries) {
  const RetrievalScores scores = retrieval_scores(features, task.inputs.test_label, queries);
  Json entry = headline_report("map_at_r", {scores.map_at_r},
                               normal_interval(scores.map_at_r, scores.map_at_r_error, 0.0));
  add_scores(entry, scores);
  entry["settings"] = Json::object({{"similarity", "cosine"},
                                    {"most_queries", task.config.retrieval.queries},
                                    {"interval", "normal, over queries"}});
  return entry;
}

Json judge_retrieval(const EvaluationTask& task) {
  const EvaluationInputs& inputs = task.inputs;
  const auto seed = static_cast<uint64_t>(task.config.seed);
  const at::Tensor queries = draw_queries(inputs, task.config);
  Json entry = judge_centring(task, "map_at_r", [&](bool centred) {
    return judge_among_test(task, chosen(task, centred).test, queries);
  });
  const SplitFeatures features = chosen(task, entry.at("settings").at("centred").as_bool());
  entry["nmi"] =
      cluster_images(features.test, inputs.test_label, task.config.clustering, seed, seed)
          .scores.nmi;
  entry["against_train"] =
      task.config.retrieval.against_train ? against_train(features, inputs, queries) : Json();
  return entry;
}

}  // namespace

const EvaluationMethod kRetrievalMethod{
    "retrieval",
    "map_at_r",
    "MAP@R",
    "MAP@R is the mean precision at the hits among the R nearest test images, R being those of "
    "the query's class; raw pixels are centred where that is better on the test set",
    false,
    judge_retrieval,
    check_partners};

}  // namespace nearfar
