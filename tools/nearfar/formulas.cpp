// `nearfar loss` and `nearfar distance`.
#include <torch/types.h>

#include <cmath>

#include "framework/checkpoint/tensors.h"
#include "framework/config/listing.h"
#include "framework/error.h"
#include "framework/files/file_system.h"
#include "tools/formulas/formula.h"
#include "tools/nearfar/commands.h"

namespace nearfar {
namespace {

Describe description_of(const Formula& formula, const std::shared_ptr<void>& config) {
  return [&formula, config](Fields& field) { formula.describe(config.get(), field); };
}

void list(const std::vector<Formula>& formulas, Console& console) {
  std::string text;
  Json document = Json::array();
  for (const Formula& formula : formulas) {
    const Describe describe = description_of(formula, formula.make_config());
    text += formula.name + ": " + formula.text + "\n";
    text += "  inputs  " + inputs_in_words(formula) + "\n";
    Json entry = Json::object();
    entry["name"] = formula.name;
    entry["formula"] = formula.text;
    entry["inputs"] = inputs_in_words(formula);
    entry["paper"] = formula.paper;
    Json keys = Json::array();
    for (const KeyInfo& key : list_keys(describe)) {
      text += "  " + key.key + "=" + key.value + "  " + key.range + "  " + key.help + "\n";
      Json row = Json::object();
      row["key"] = key.key;
      row["default"] = key.value;
      row["range"] = key.range;
      row["help"] = key.help;
      keys.push_back(std::move(row));
    }
    if (!formula.paper.empty()) text += "  " + formula.paper + "\n";
    entry["keys"] = std::move(keys);
    document.push_back(std::move(entry));
  }
  console.result(text, document);
}

TensorsByName read_tensors(const std::string& path) {
  TensorsByName tensors;
  for (auto& [name, tensor] : to_tensors(read_safetensors(path))) {
    tensors.emplace(name, std::move(tensor));
  }
  return tensors;
}

/// What is wrong with an input is wrong with its file.
TensorsByName evaluated(const Formula& formula, const std::string& path, const Settings& settings) {
  const TensorsByName given = read_tensors(path);
  try {
    return evaluate(formula, given, settings);
  } catch (const DataError& error) {
    throw DataError(path + ": " + error.what());
  } catch (const c10::Error& error) {
    throw DataError(path + ": " + error.what_without_backtrace());
  }
}

Json summary_of(const TensorsByName& outputs) {
  Json document = Json::object();
  for (const auto& [name, tensor] : outputs) {
    if (tensor.dim() == 0 && tensor.is_floating_point()) {
      const double value = tensor.item<double>();
      if (std::isfinite(value)) document[name] = value;
    }
  }
  return document;
}

int run_formula(const FormulaArguments& arguments, const std::vector<Formula>& formulas,
                Console& console) {
  if (arguments.list) {
    list(formulas, console);
    return 0;
  }
  if (arguments.name.empty()) throw ConfigError("expected a name (--list shows all)");
  const Formula& formula = find_formula(formulas, arguments.name);
  if (arguments.input.empty() || arguments.output.empty()) {
    throw ConfigError(arguments.name + ": expected --input and --output, .safetensors files");
  }
  Settings settings;
  for (const std::string& word : arguments.settings) {
    settings.add_assignment(word, "command line");
  }
  const TensorsByName outputs = evaluated(formula, arguments.input, settings);
  const std::vector<uint8_t> bytes =
      encode_tensors({outputs.begin(), outputs.end()}, {{"operation", formula.name}});
  replace_file(real_file_system(), arguments.output, bytes.data(), bytes.size());
  Json document = summary_of(outputs);
  std::string text;
  for (const auto& [name, value] : document.members()) text += name + " " + to_text(value) + "\n";
  document["output"] = arguments.output;
  console.result(text + arguments.output + "\n", document);
  return 0;
}

}  // namespace

int run_loss(const FormulaArguments& arguments, Console& console) {
  return run_formula(arguments, loss_formulas(), console);
}

int run_distance(const FormulaArguments& arguments, Console& console) {
  return run_formula(arguments, distance_formulas(), console);
}

}  // namespace nearfar
