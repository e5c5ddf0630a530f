// Sizes by letter, values by name.
#include "tests/tools/formulas/made_up_inputs.h"

#include <torch/types.h>

#include <set>
#include <sstream>
#include <stdexcept>

#include "augment/random.h"
#include "framework/losses/unit_rows.h"

namespace nearfar {
namespace {

const std::map<std::string, int64_t> kManyRows{{"N", 300},  {"B", 300},  {"n", 300},  {"m", 280},
                                               {"K", 320},  {"k", 310},  {"Q", 290},  {"C", 310},
                                               {"k0", 310}, {"k1", 290}, {"k2", 280}, {"T", 300},
                                               {"r", 30},   {"S", 2},    {"V", 3}};

/// One formula's inputs in the making.
class MadeUp {
 public:
  MadeUp(uint64_t seed, Oddity oddity)
      : random_(seed, 0, 0, Purpose::evaluation), oddity_(oddity), width_(width_of(oddity)) {}

  at::Tensor tensor(const FormulaInput& input) {
    const std::vector<int64_t> shape = shape_of(input.shape);
    return input.kind == InputKind::index ? indices(input.name, shape) : values(input.name, shape);
  }

 private:
  /// Dimensions of the embeddings; 0: a few, drawn.
  static int64_t width_of(Oddity oddity) {
    if (oddity == Oddity::wide_rows) return 512;
    if (oddity == Oddity::wider_rows) return 2048;
    return oddity == Oddity::many_rows ? 16 : 0;
  }

  std::vector<int64_t> shape_of(const std::string& letters) {
    std::vector<int64_t> shape;
    std::istringstream words(letters);
    for (std::string letter; words >> letter;) shape.push_back(size_of(letter));
    return shape;
  }

  int64_t size_of(const std::string& letter) {
    if (letter == "2" || letter == "3") return letter[0] - '0';
    const bool rows = letter == "N" || letter == "B";
    if (rows && oddity_ == Oddity::one_row) return 1;
    if (width_ > 0 && (letter == "d" || letter == "c" || letter == "z")) return width_;
    if (oddity_ == Oddity::many_rows && kManyRows.contains(letter)) return kManyRows.at(letter);
    return sizes_.emplace(letter, (rows ? 4 : 3) + random_.below(4)).first->second;
  }

  at::Tensor values(const std::string& name, const std::vector<int64_t>& shape) {
    const at::Tensor drawn = at::empty(shape, at::kDouble);
    double* numbers = drawn.data_ptr<double>();
    for (int64_t i = 0; i < drawn.numel(); ++i) numbers[i] = random_.normal();
    static const std::set<std::string> unit = {"queue", "queue0", "bank", "support"};
    if (unit.contains(name) || name.starts_with("prototypes.")) return UnitRows(drawn).unit;
    if (name.starts_with("concentration.")) return drawn.square() + 0.1;
    if (name == "similarity") return drawn.tanh();
    if (name.ends_with("log_noise")) return -drawn.abs() - 1.0;
    if (drawn.dim() < 2) return drawn;
    if (oddity_ == Oddity::zero_rows) return at::zeros_like(drawn);
    if (oddity_ == Oddity::identical_rows) return at::ones_like(drawn) * 0.5;
    if (oddity_ == Oddity::near_rows) return drawn * 5e-5 + 0.5;
    if (name.ends_with("logvar")) return drawn;  // e^10000 is no variance
    if (oddity_ == Oddity::large_rows) return drawn * 1e4;
    if (oddity_ == Oddity::tiny_rows) return drawn * 1e-6;
    return drawn;
  }

  at::Tensor indices(const std::string& name, const std::vector<int64_t>& shape) {
    const at::Tensor drawn = at::empty(shape, at::kLong);
    int64_t* numbers = drawn.data_ptr<int64_t>();
    const int64_t bound = bound_of(name);
    const bool one_class = name == "label" && oddity_ == Oddity::one_class;
    for (int64_t i = 0; i < drawn.numel(); ++i) numbers[i] = one_class ? 0 : random_.below(bound);
    return drawn;
  }

  /// What indices of that name stay below.
  int64_t bound_of(const std::string& name) {
    const std::string number =
        name.find('.') == std::string::npos ? "" : name.substr(name.find('.') + 1);
    if (name == "same") return 2;
    if (name == "label") return sizes_.contains("C") ? sizes_["C"] : 2;
    if (name == "triplets") return size_of("N");
    if (name == "index" || name == "noise") return size_of("n");
    if (name == "iterations") return 1000;
    if (name.starts_with("assignment") || name.starts_with("negatives") ||
        name.starts_with("shared")) {
      return size_of("k" + number);
    }
    throw std::logic_error("made_up_inputs: what is " + name + "?");
  }

  Random random_;
  Oddity oddity_;
  int64_t width_;
  std::map<std::string, int64_t> sizes_;
};

}  // namespace

TensorsByName made_up_inputs(const Formula& formula, uint64_t seed, Oddity oddity) {
  constexpr int64_t kNumbered = 3;
  MadeUp made_up(seed, oddity);
  TensorsByName inputs;
  for (const FormulaInput& input : formula.inputs) {
    const bool numbered = input.name.find('*') != std::string::npos;
    if (numbered && !input.required) continue;
    for (int64_t number = 0; number < (numbered ? kNumbered : 1); ++number) {
      const FormulaInput one = input.numbered(number);
      inputs[one.name] = made_up.tensor(one);
    }
  }
  return inputs;
}

}  // namespace nearfar
