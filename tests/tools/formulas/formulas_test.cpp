// Every loss and distance: gradients against finite differences, and what becomes of degenerate
// inputs. What is added to the lists is tested here without more ado.
#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>

#include "framework/error.h"
#include "tests/tools/formulas/made_up_inputs.h"

namespace nearfar {
namespace {

std::vector<const Formula*> all_formulas() {
  std::vector<const Formula*> all;
  for (const Formula& formula : loss_formulas()) all.push_back(&formula);
  for (const Formula& formula : distance_formulas()) all.push_back(&formula);
  return all;
}

/// A matrix by its sum under a direction; the value itself otherwise.
double value_of(const Formula& formula, const TensorsByName& inputs) {
  const TensorsByName outputs = evaluate(formula, inputs, Settings());
  if (!formula.value_name.empty()) return outputs.at(formula.value_name).item<double>();
  return (outputs.at("matrix") * inputs.at("direction")).sum().item<double>();
}

/// Gradients that are not those of the value, by design: what is stopped inside would move in a
/// finite difference. Golden values hold these.
bool stops_gradient(const std::string& formula, const std::string& input) {
  if (formula == "circle" || formula == "dclw") return true;
  if (formula == "npid_nce") return true;                                    // Z is a constant
  return formula == "swav" && (input == "scores.0" || input == "scores.1");  // they give codes
}

/// The worst error of a gradient by central differences, relative to its largest entry.
double worst_error(const Formula& formula, TensorsByName inputs, const std::string& name,
                   const at::Tensor& gradient) {
  constexpr double kStep = 1e-6;
  const at::Tensor& input = inputs.at(name);
  double worst = 0.0;
  for (int64_t i = 0; i < input.numel(); ++i) {
    const auto moved = [&](double by) {
      TensorsByName other = inputs;
      other[name] = input.clone();
      other[name].view(-1)[i] += by;
      return value_of(formula, other);
    };
    const double slope = (moved(kStep) - moved(-kStep)) / (2.0 * kStep);
    worst = std::max(worst, std::abs(slope - gradient.reshape(-1)[i].item<double>()));
  }
  return worst / (1e-3 + gradient.abs().max().item<double>());
}

TEST(Formulas, GradientsAreThoseOfFiniteDifferences) {
  int checked = 0;
  for (const Formula* formula : all_formulas()) {
    for (const uint64_t seed : {1, 2, 3}) {
      const TensorsByName inputs = made_up_inputs(*formula, seed);
      for (const auto& [name, gradient] : evaluate(*formula, inputs, Settings())) {
        const std::string input = name.substr(name.find('.') + 1);
        if (!name.starts_with("grad.") || stops_gradient(formula->name, input)) continue;
        // Rounding of the value over the step, 1e-16 |loss| / 1e-6, and the third derivative.
        EXPECT_LT(worst_error(*formula, inputs, input, gradient), 1e-5)
            << formula->name << ", " << name << ", seed " << seed;
        ++checked;
      }
    }
  }
  EXPECT_GT(checked, 150);
}

/// Outputs without NaN, or one clear error.
void expect_defined(const Formula& formula, const TensorsByName& inputs, const Settings& settings,
                    const std::string& what) {
  try {
    for (const auto& [name, tensor] : evaluate(formula, inputs, settings)) {
      if (!tensor.is_floating_point()) continue;
      EXPECT_TRUE(tensor.isfinite().all().item<bool>())
          << formula.name << ": " << name << " with " << what << ": " << tensor;
    }
  } catch (const Error& error) {
    EXPECT_GT(std::string(error.what()).size(), 10u);
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    EXPECT_NE(text.find("expected"), std::string::npos) << formula.name << ": " << text;
  }
}

TEST(Formulas, DegenerateInputsGiveADefinedValueOrOneError) {
  const std::vector<std::pair<Oddity, const char*>> oddities = {
      {Oddity::identical_rows, "identical rows"},
      {Oddity::zero_rows, "zero rows"},
      {Oddity::one_class, "one class"},
      {Oddity::one_row, "one row"}};
  for (const Formula* formula : all_formulas()) {
    for (const auto& [oddity, what] : oddities) {
      for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kBFloat16}) {
        TensorsByName inputs = made_up_inputs(*formula, 5, oddity);
        for (auto& [name, tensor] : inputs) {
          if (tensor.is_floating_point()) tensor = tensor.to(type);
        }
        expect_defined(*formula, inputs, Settings(), what);
      }
    }
  }
}

TEST(Formulas, TemperaturesAtTheirBoundsGiveNoNaN) {
  for (const Formula* formula : all_formulas()) {
    const std::shared_ptr<void> config = formula->make_config();
    const auto keys = list_keys([&](Fields& field) { formula->describe(config.get(), field); });
    for (const KeyInfo& key : keys) {
      if (key.key.find("temperature") == std::string::npos) continue;
      for (const char* value : {"0.001", "0.005", "10"}) {
        Settings settings;
        settings.add_assignment(key.key + "=" + value, "test");
        for (const at::ScalarType type : {at::kDouble, at::kFloat}) {
          TensorsByName inputs = made_up_inputs(*formula, 6);
          for (auto& [name, tensor] : inputs) {
            if (tensor.is_floating_point()) tensor = tensor.to(type);
          }
          expect_defined(*formula, inputs, settings, key.key + "=" + value);
        }
      }
    }
  }
}

TEST(Formulas, WrongInputsAreNamed) {
  const Formula& nt_xent = find_formula(loss_formulas(), "nt_xent");
  TensorsByName inputs = made_up_inputs(nt_xent, 7);
  const auto message = [&](const TensorsByName& given, const Settings& settings) {
    try {
      evaluate(nt_xent, given, settings);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  TensorsByName missing = inputs;
  missing.erase("z2");
  EXPECT_EQ(message(missing, {}), "z2: missing; nt_xent expects z1 [N, d], z2 [N, d]");
  TensorsByName short_rows = inputs;
  short_rows["z2"] = inputs["z2"].slice(0, 1);
  EXPECT_NE(message(short_rows, {}).find("z2: expected [N, d] with N = "), std::string::npos);
  TensorsByName integers = inputs;
  integers["z1"] = inputs["z1"].to(at::kLong);
  EXPECT_NE(message(integers, {}).find("z1: expected [N, d] of float32"), std::string::npos);
  Settings unknown;
  unknown.add_assignment("temprature=1", "command line");
  EXPECT_NE(message(inputs, unknown).find("did you mean \"temperature\""), std::string::npos);
  EXPECT_THROW(find_formula(loss_formulas(), "nt_xnet"), ConfigError);
  inputs["something_else"] = at::zeros({3});
  EXPECT_EQ(message(inputs, {}), "no error");
}

}  // namespace
}  // namespace nearfar
