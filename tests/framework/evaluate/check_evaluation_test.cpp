// What evaluation refuses before any feature is extracted.
#include <gtest/gtest.h>
#include <torch/types.h>

#include <string>

#include "framework/error.h"
#include "framework/evaluate/evaluation.h"

namespace nearfar {
namespace {

EvaluationConfig config_of(const std::string& methods) {
  EvaluationConfig config;
  config.methods = methods;
  config.fractions = {1.0, 0.1};
  config.draws = {1, 3};
  return config;
}

/// What check_evaluation says, before any feature exists.
std::string refusal(const EvaluationConfig& config,
                    const at::Tensor& train_label = at::arange(600, at::kLong).remainder(6)) {
  EvaluationInputs inputs;
  inputs.train_label = train_label;
  inputs.test_label = at::arange(240, at::kLong).remainder(6);
  inputs.data.path = "memory";
  inputs.data.class_names = {"a", "b", "c", "d", "e", "f"};
  try {
    check_evaluation(inputs, config);
  } catch (const Error& error) {
    return std::to_string(static_cast<int>(error.code())) + " " + error.what();
  }
  return "";
}

TEST(CheckEvaluation, RefusesSettingsByTheirKeys) {
  EvaluationConfig config = config_of("linear,linear_sgd,knn");
  EXPECT_EQ(refusal(config), "");
  const auto with = [&](auto&& change) {
    EvaluationConfig changed = config;
    change(changed);
    return refusal(changed);
  };
  EXPECT_EQ(with([](auto& c) {
              c.knn.k = {5, 1};
            }),
            "2 evaluate.knn.k: expected ascending numbers, found 1 after 5");
  EXPECT_EQ(with([](auto& c) { c.knn.k.clear(); }),
            "2 evaluate.knn.k: expected at least one value, found none");
  EXPECT_EQ(with([](auto& c) { c.knn.temperature.clear(); }),
            "2 evaluate.knn.temperature: expected at least one value, found none");
  EXPECT_EQ(with([](auto& c) { c.linear.l2_strongest = 1e-6; }),
            "2 evaluate.linear.l2_weakest: expected at most l2_strongest, 1e-06, found 1e-05");
  EXPECT_EQ(with([](auto& c) { c.linear_sgd.weight_decay.clear(); }),
            "2 evaluate.linear_sgd.weight_decay: expected at least one value, found none");
  EXPECT_EQ(with([](auto& c) {
              c.fractions = {0.1, 0.1};
            }),
            "2 evaluate.fractions: expected each share once, found 0.1 twice");
}

TEST(CheckEvaluation, NeedsTwoClassesToLearnFrom) {
  EXPECT_EQ(refusal(config_of("linear,knn"), at::full({600}, 2, at::kLong)),
            "3 memory: expected training images of at least two classes for linear, found 600 of "
            "\"c\" alone");
  EXPECT_EQ(refusal(config_of("knn"), at::zeros({1}, at::kLong)),
            "3 memory: expected training images of at least two classes for knn, found 1 of \"a\" "
            "alone");
  EXPECT_EQ(refusal(config_of("retrieval"), at::zeros({1}, at::kLong)), "");
}

}  // namespace
}  // namespace nearfar
