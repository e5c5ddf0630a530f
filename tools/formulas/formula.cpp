// Checks inputs against what a formula declares, and differentiates.
#include "tools/formulas/formula.h"

#include <torch/types.h>

#include <sstream>

#include "framework/error.h"

namespace nearfar {
namespace {

std::vector<std::string> letters_of(const std::string& shape) {
  std::vector<std::string> letters;
  for (size_t i = 0; i < shape.size();) {
    const size_t end = std::min(shape.find(' ', i), shape.size());
    letters.push_back(shape.substr(i, end - i));
    i = end + 1;
  }
  return letters;
}

std::string in_brackets(const std::string& shape) {
  std::string text = "[";
  for (const std::string& letter : letters_of(shape)) {
    text += (text.size() > 1 ? ", " : "") + letter;
  }
  return text + "]";
}

std::string words_of(const FormulaInput& input) {
  return input.name + " " + in_brackets(input.shape) +
         (input.kind == InputKind::index ? " int64" : "") + (input.required ? "" : " (optional)");
}

std::string words_of(const at::Tensor& tensor) {
  std::ostringstream text;
  text << tensor.sizes() << " " << at::toString(tensor.scalar_type());
  return text.str();
}

/// Holds a formula's inputs to their declarations, one after the other.
class InputCheck {
 public:
  void check(const FormulaInput& input, const at::Tensor& tensor) {
    check_kind(input, tensor);
    const std::vector<std::string> letters = letters_of(input.shape);
    if (tensor.dim() != static_cast<int64_t>(letters.size())) refuse(input, tensor, "");
    for (size_t i = 0; i < letters.size(); ++i) {
      const int64_t size = tensor.size(static_cast<int64_t>(i));
      const auto [known, added] = sizes_.emplace(letters[i], size);
      if (!added && known->second != size) {
        refuse(input, tensor, " with " + letters[i] + " = " + std::to_string(known->second));
      }
    }
  }

 private:
  void check_kind(const FormulaInput& input, const at::Tensor& tensor) {
    if (input.kind == InputKind::index) {
      if (tensor.scalar_type() != at::kLong) refuse(input, tensor, "");
      return;
    }
    const at::ScalarType type = tensor.scalar_type();
    if (type != at::kFloat && type != at::kDouble && type != at::kBFloat16) {
      refuse(input, tensor, " of float32, float64 or bfloat16");
    }
    if (type_ == at::ScalarType::Undefined) type_ = type;
    if (type != type_) {
      refuse(input, tensor, std::string(" of ") + at::toString(type_) + " as the inputs before");
    }
  }

  [[noreturn]] static void refuse(const FormulaInput& input, const at::Tensor& tensor,
                                  const std::string& more) {
    throw DataError(input.name + ": expected " + in_brackets(input.shape) +
                    (input.kind == InputKind::index ? " int64" : "") + more + ", found " +
                    words_of(tensor));
  }

  std::map<std::string, int64_t> sizes_ = {{"2", 2}, {"3", 3}};  // what letters stand for
  at::ScalarType type_ = at::ScalarType::Undefined;
};

/// The inputs of a formula, those of numbered names one by one, as many as are given.
std::vector<FormulaInput> numbered(const Formula& formula, const TensorsByName& given) {
  std::vector<FormulaInput> inputs;
  for (const FormulaInput& input : formula.inputs) {
    if (input.name.find('*') == std::string::npos) {
      inputs.push_back(input);
      continue;
    }
    for (int64_t number = 0;; ++number) {
      const FormulaInput one = input.numbered(number);
      if (!given.contains(one.name) && (number > 0 || !input.required)) break;
      inputs.push_back(one);
      if (!given.contains(one.name)) break;
    }
  }
  return inputs;
}

/// The inputs as leaves of their own.
TensorsByName checked_inputs(const Formula& formula, const std::vector<FormulaInput>& declared,
                             const TensorsByName& given) {
  InputCheck check;
  TensorsByName inputs;
  for (const FormulaInput& input : declared) {
    const auto found = given.find(input.name);
    if (found == given.end()) {
      if (!input.required) continue;
      throw DataError(input.name + ": missing; " + formula.name + " expects " +
                      inputs_in_words(formula));
    }
    check.check(input, found->second);
    const bool differentiable = input.kind == InputKind::differentiable;
    inputs[input.name] = found->second.detach().clone().requires_grad_(differentiable);
  }
  return inputs;
}

void add_gradients(const std::vector<FormulaInput>& declared, const TensorsByName& inputs,
                   const at::Tensor& value, TensorsByName& outputs) {
  if (!value.requires_grad()) return;
  value.backward();
  for (const FormulaInput& input : declared) {
    const auto found = inputs.find(input.name);
    if (found == inputs.end() || input.kind != InputKind::differentiable) continue;
    const at::Tensor& gradient = found->second.grad();
    // What the value does not depend on has no gradient yet, and a zero one by definition.
    outputs["grad." + input.name] =
        gradient.defined() ? gradient : at::zeros_like(found->second.detach());
  }
}

}  // namespace

FormulaInput FormulaInput::numbered(int64_t number) const {
  const auto with_number = [number](std::string text) {
    for (size_t at = text.find('*'); at != std::string::npos; at = text.find('*', at)) {
      text.replace(at, 1, std::to_string(number));
    }
    return text;
  };
  return {with_number(name), with_number(shape), kind, required};
}

TensorsByName evaluate(const Formula& formula, const TensorsByName& given,
                       const Settings& settings) {
  const std::shared_ptr<void> config = formula.make_config();
  settings.apply([&](Fields& field) { formula.describe(config.get(), field); });
  const std::vector<FormulaInput> declared = numbered(formula, given);
  const TensorsByName inputs = checked_inputs(formula, declared, given);
  Computed computed = formula.compute(inputs, config.get());
  TensorsByName outputs;
  for (const auto& [name, tensor] : computed.outputs) outputs[name] = tensor.detach();
  if (computed.value.defined()) {
    if (!formula.value_name.empty()) outputs[formula.value_name] = computed.value.detach();
    add_gradients(declared, inputs, computed.value, outputs);
  }
  return outputs;
}

WholeBatch::WholeBatch(const at::Tensor& rows)
    : group([]() -> Group& {
        static SoloGroup alone;
        return alone;
      }()),
      shard{0, rows.size(0), rows.size(0)} {}

std::string inputs_in_words(const Formula& formula) {
  std::string text;
  for (const FormulaInput& input : formula.inputs) {
    text += (text.empty() ? "" : ", ") + words_of(input);
  }
  return text;
}

const Formula& find_formula(const std::vector<Formula>& formulas, const std::string& name) {
  std::vector<std::string> names;
  for (const Formula& formula : formulas) {
    if (formula.name == name) return formula;
    names.push_back(formula.name);
  }
  const std::string near = nearest_name(name, names);
  throw ConfigError(name + ": no such name" +
                    (near.empty() ? "" : "; did you mean \"" + near + "\"?") +
                    " (--list shows all)");
}

}  // namespace nearfar
