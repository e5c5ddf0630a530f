// Losses and distances as functions of named tensors: what `nearfar loss` and `nearfar distance`
// offer.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "distributed/group.h"
#include "distributed/shard.h"
#include "framework/config/settings.h"

namespace nearfar {

using TensorsByName = std::map<std::string, at::Tensor>;

enum class InputKind {
  differentiable,  // floating, with a gradient
  constant,        // floating, without
  index,           // int64
};

struct FormulaInput {
  /// "scores.*" stands for scores.0, scores.1 and so on, as many as are given.
  std::string name;
  /// Sizes by letter, "N d": one letter is one size in all inputs, "k*" one for each number of the
  /// name; "": a number.
  std::string shape;
  InputKind kind = InputKind::differentiable;
  bool required = true;

  /// The input of that number among those that a name with * stands for.
  FormulaInput numbered(int64_t number) const;
};

/// What a formula computed: the number to differentiate (undefined: none) and other outputs.
struct Computed {
  at::Tensor value;
  TensorsByName outputs;
};

struct Formula {
  std::string name, text, paper;
  std::vector<FormulaInput> inputs;
  std::string value_name;  // of Computed::value among the outputs; empty: it is not one
  std::function<std::shared_ptr<void>()> make_config;
  std::function<void(void* config, Fields& field)> describe;
  std::function<Computed(const TensorsByName& inputs, const void* config)> compute;
};

/// For formulas without hyper-parameters.
struct NoConfig {
  void describe(auto&) {}
};

/// A formula with the config struct `Config`.
template <typename Config>
Formula make_formula(const std::string& name, const std::string& text, const std::string& paper,
                     std::vector<FormulaInput> inputs,
                     std::function<Computed(const TensorsByName&, const Config&)> compute,
                     const std::string& value_name = "loss") {
  return {name,
          text,
          paper,
          std::move(inputs),
          value_name,
          [] { return std::shared_ptr<void>(std::make_shared<Config>()); },
          [](void* config, Fields& field) { static_cast<Config*>(config)->describe(field); },
          [compute](const TensorsByName& tensors, const void* config) {
            return compute(tensors, *static_cast<const Config*>(config));
          }};
}

/// The value, the further outputs and "grad.<input>" of every differentiable input that is given.
/// Tensors that the formula does not know are ignored. Throws DataError "INPUT: what" for one that
/// is missing, or has another kind or shape than the others allow; ConfigError for settings.
TensorsByName evaluate(const Formula& formula, const TensorsByName& given,
                       const Settings& settings);

/// The inputs in words: "z1 [N, d], z2 [N, d], label [N] int64".
std::string inputs_in_words(const Formula& formula);

/// The formula of that name; throws ConfigError with the nearest name where there is none.
const Formula& find_formula(const std::vector<Formula>& formulas, const std::string& name);

/// One rank that has the whole batch; its group outlives every backward.
struct WholeBatch {
  explicit WholeBatch(const at::Tensor& rows);
  Group& group;
  Shard shard;
};

const std::vector<Formula>& loss_formulas();
const std::vector<Formula>& distance_formulas();

}  // namespace nearfar
