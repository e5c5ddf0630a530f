// Float32 and bfloat16 against float64 of the same numbers, for every loss and distance, on inputs
// that leave few digits.
#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <cstdlib>
#include <iostream>

#include "augment/random.h"
#include "framework/error.h"
#include "tests/tools/formulas/made_up_inputs.h"

namespace nearfar {
namespace {

/// Inputs that are hard, and how near float32 must come.
struct Hardship {
  std::string what;
  Oddity oddity = Oddity::none;
  std::string setting = "";    // empty: the defaults
  std::string formula = "";    // empty: every one that has the setting's key
  bool along_weights = false;  // embeddings point along or against a class's weight
};

// tests/golden/README.md: a float32 implementation fed with the same numbers has its loss to 1e-5
// and its gradient to 1e-4 of the largest component.
constexpr double kValueTolerance = 1e-5;
constexpr double kGradientTolerance = 1e-4;
constexpr double kHalfUnitOfBfloat16 = 0x1p-8;

/// Four units in the last place of one, where numbers of that size are taken from each other: 1 and
/// cosines of nearly equal rows, probabilities of nearly equal logits.
double floor_of(const Hardship& hardship) {
  const bool cancels = hardship.oddity == Oddity::identical_rows ||
                       hardship.oddity == Oddity::near_rows || hardship.oddity == Oddity::tiny_rows;
  return cancels ? 0x1p-21 : 0.0;
}

/// Gradients that change by a whole sign where a sum of differences is nearly 0: those of |sum|.
bool has_kinks(const std::string& formula) { return formula == "histogram_wasserstein"; }

const std::vector<Hardship>& hardships() {
  static const std::vector<Hardship> all{
      {"plain"},
      {"identical rows", Oddity::identical_rows},
      {"nearly identical rows", Oddity::near_rows},
      {"norms of 1e4", Oddity::large_rows},
      {"norms of 1e-6", Oddity::tiny_rows},
      {"512 dimensions", Oddity::wide_rows},
      {"2048 dimensions", Oddity::wider_rows},
      {"the lowest temperature", Oddity::none, "temperature=0.001"},
      {"a temperature of 0.005", Oddity::none, "temperature=0.005"},
      {"nearly identical rows at 0.005", Oddity::near_rows, "temperature=0.005"},
      {"the highest temperature", Oddity::none, "temperature=10"},
      {"a sharp student", Oddity::none, "student_temperature=0.005"},
      {"a sharp teacher", Oddity::none, "teacher_temperature=0.005"},
      {"codes at epsilon 0.005", Oddity::none, "epsilon=0.005", "sinkhorn"},
      {"codes of large scores", Oddity::large_rows, "epsilon=0.005", "sinkhorn"},
      {"codes at epsilon 0.005", Oddity::none, "epsilon=0.005", "swav"},
      {"rows along their weights", Oddity::none, "", "", true},
      {"rows along their weights, beyond pi", Oddity::none, "m2=3", "combined_margin", true},
      {"rows along their weights, monotone", Oddity::none, "beyond_pi=monotone", "combined_margin",
       true},
      {"rows along their weights, CosFace", Oddity::none, "m3=0.35", "combined_margin", true},
      {"annealed", Oddity::none, "lambda=1000", "a_softmax", true},
      {"the largest components", Oddity::none, "p=inf", "lp"},
      {"sums of components", Oddity::none, "p=1", "lp"},
      {"high powers of large components", Oddity::large_rows, "p=30", "lp"},
      {"high powers of small components", Oddity::tiny_rows, "p=30", "lp"},
      {"steep circles", Oddity::none, "gamma=1024", "circle"},
      {"steep negatives", Oddity::none, "beta=1000", "multi_similarity"},
      {"hard negatives", Oddity::none, "beta=100", "hard_negative"},
      {"mostly false negatives", Oddity::none, "tau_plus=0.99", "hard_negative"},
      {"steep weights", Oddity::none, "sigma=0.01", "dclw"},
      {"squared triplets", Oddity::large_rows, "squared=true", "triplet"},
      {"plain ratios", Oddity::tiny_rows, "squared=false", "log_ratio"},
      {"dense places", Oddity::wide_rows, "gamma=1000", "density_negatives"}};
  return all;
}

bool has_key(const Formula& formula, const std::string& setting) {
  const std::shared_ptr<void> config = formula.make_config();
  for (const KeyInfo& key :
       list_keys([&](Fields& field) { formula.describe(config.get(), field); })) {
    if (setting.starts_with(key.key + "=")) return true;
  }
  return false;
}

bool applies(const Hardship& hardship, const Formula& formula) {
  if (!hardship.formula.empty() && hardship.formula != formula.name) return false;
  if (!hardship.setting.empty() && !has_key(formula, hardship.setting)) return false;
  if (!hardship.along_weights) return true;
  const auto takes = [&](const char* name) {
    return inputs_in_words(formula).find(name) != std::string::npos;
  };
  return takes("embeddings [N, d]") && takes("weight [C, d]");
}

/// Row i along weight y_i, against it, or a ten-thousandth beside it: cos(theta) is 1, -1 or
/// nearly.
void turn_to_weights(TensorsByName& inputs) {
  const at::Tensor along = inputs["weight"].index_select(0, inputs["label"]);
  const at::Tensor number = at::arange(along.size(0), at::kDouble).unsqueeze(1);
  const at::Tensor sign = at::where(number.remainder(2).eq(0), 1.0, -1.0);
  inputs["embeddings"] = along * sign + inputs["embeddings"] * 1e-4 * number.ge(2);
}

/// What float64 makes of the numbers that `type` has in place of the made up ones.
TensorsByName rounded(const TensorsByName& inputs, at::ScalarType type, at::ScalarType kept_in) {
  TensorsByName result = inputs;
  for (auto& [name, tensor] : result) {
    if (tensor.is_floating_point()) tensor = tensor.to(type).to(kept_in);
  }
  return result;
}

/// Every number moved by up to half a unit in the last place of float32.
TensorsByName moved(const TensorsByName& inputs, uint64_t seed) {
  Random random(seed, 0, 0, Purpose::evaluation, 1);
  TensorsByName result = inputs;
  for (auto& [name, tensor] : result) {
    if (!tensor.is_floating_point()) continue;
    tensor = tensor.clone();
    double* numbers = tensor.data_ptr<double>();
    for (int64_t i = 0; i < tensor.numel(); ++i)
      numbers[i] *= 1.0 + random.uniform(-1, 1) * 0x1p-24;
  }
  return result;
}

double largest(const at::Tensor& tensor) {
  return tensor.numel() == 0 ? 0.0 : tensor.abs().max().item<double>();
}

bool same_kind(const at::Tensor& a, const at::Tensor& b) {
  return a.sizes() == b.sizes() && a.is_floating_point() == b.is_floating_point();
}

/// A formula's outputs in float64, and where the same numbers moved by a rounding end.
struct Reference {
  TensorsByName exact;
  std::vector<TensorsByName> beside;
  double reach = 1.0;  // how many roundings a result of float32 may be beside the exact one

  /// How far the moved numbers go; below 0: to another choice (a triplet, a neighbour).
  double movement(const std::string& name) const {
    const at::Tensor& here = exact.at(name);
    double farthest = 0.0;
    for (const TensorsByName& outputs : beside) {
      const at::Tensor& there = outputs.at(name);
      if (!same_kind(here, there)) return -1.0;
      if (!here.is_floating_point() && !here.equal(there)) return -1.0;
      farthest = std::max(farthest, largest((here - there).to(at::kDouble)));
    }
    return farthest;
  }
};

Reference reference_of(const Formula& formula, const TensorsByName& inputs,
                       const Settings& settings) {
  Reference reference{evaluate(formula, inputs, settings), {}, 8.0};
  for (const uint64_t seed : {1, 2, 3}) {
    reference.beside.push_back(evaluate(formula, moved(inputs, seed), settings));
  }
  // A product of d numbers loses a unit in its own last place, and random movements of its
  // factors reach a d-th root of that.
  int64_t width = 1;
  for (const auto& [name, tensor] : inputs) {
    if (tensor.dim() > 1) width = std::max(width, tensor.size(-1));
  }
  reference.reach *= std::sqrt(static_cast<double>(width));
  return reference;
}

/// An output against the reference: finite, and no farther than the tolerance and than the
/// roundings of the inputs reach.
void expect_near(const std::string& where, const std::string& name, const at::Tensor& found,
                 const Reference& reference, double floor) {
  const at::Tensor& exact = reference.exact.at(name);
  const double movement = reference.movement(name);
  if (movement < 0.0) return;  // which of them is right hangs on the last digit
  ASSERT_TRUE(same_kind(found, exact)) << where << ", " << name;
  if (!exact.is_floating_point()) {
    EXPECT_TRUE(found.equal(exact)) << where << ", " << name;
    return;
  }
  ASSERT_TRUE(found.isfinite().all().item<bool>()) << where << ", " << name << ": " << found;
  ASSERT_TRUE(exact.isfinite().all().item<bool>()) << where << ", " << name << ": " << exact;
  double share = name.starts_with("grad") ? kGradientTolerance : kValueTolerance;
  if (found.scalar_type() == at::kBFloat16) share += kHalfUnitOfBfloat16;
  const double error = largest(found.to(at::kDouble) - exact);
  EXPECT_LE(error, floor + share * largest(exact) + reference.reach * movement)
      << where << ", " << name << ": of " << largest(exact) << ", a rounding moves it by "
      << movement;
}

class Precision : public testing::Test {
 protected:
  void compare(const Formula& formula, const Hardship& hardship, at::ScalarType type) {
    TensorsByName made_up = made_up_inputs(formula, 11, hardship.oddity);
    if (hardship.along_weights) turn_to_weights(made_up);
    Settings settings;
    if (!hardship.setting.empty()) settings.add_assignment(hardship.setting, "test");
    const std::string where = formula.name + " with " + hardship.what;
    Reference reference;
    try {
      reference = reference_of(formula, rounded(made_up, type, at::kDouble), settings);
    } catch (const std::exception&) {
      // Refused in float64, with a text that other tests look at: in float32 too.
      EXPECT_ANY_THROW(evaluate(formula, rounded(made_up, type, type), settings)) << where;
      refused_.push_back(where);
      return;
    }
    const TensorsByName outputs = evaluate(formula, rounded(made_up, type, type), settings);
    ASSERT_EQ(outputs.size(), reference.exact.size()) << where;
    for (const auto& [name, found] : outputs) {
      if (has_kinks(formula.name) && name.starts_with("grad")) {
        EXPECT_TRUE(found.isfinite().all().item<bool>()) << where << ", " << name;
        continue;
      }
      expect_near(where, name, found, reference, floor_of(hardship));
      ++checked_;
    }
  }

  void compare_all(at::ScalarType type) {
    for (const std::vector<Formula>* formulas : {&loss_formulas(), &distance_formulas()}) {
      for (const Formula& formula : *formulas) {
        for (const Hardship& hardship : hardships()) {
          if (applies(hardship, formula)) compare(formula, hardship, type);
        }
      }
    }
  }

  int checked_ = 0;
  std::vector<std::string> refused_;
};

/// Z beyond float64, and transport that does not converge.
std::vector<std::string> refused_in_float64() {
  return {"npid_nce with the lowest temperature", "sinkhorn with norms of 1e4",
          "sinkhorn with codes of large scores"};
}

TEST_F(Precision, Float32IsFloat64UpToItsRounding) {
  compare_all(at::kFloat);
  EXPECT_GT(checked_, 1000);
  EXPECT_EQ(refused_, refused_in_float64());
}

// The same numbers, computed in float32 and handed out in bfloat16 where they are gradients.
TEST_F(Precision, Bfloat16IsFloat64UpToItsRounding) {
  compare_all(at::kBFloat16);
  EXPECT_GT(checked_, 1000);
  EXPECT_EQ(refused_, refused_in_float64());
}

}  // namespace
}  // namespace nearfar
