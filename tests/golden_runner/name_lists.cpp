// Names of encoders against published lists.
#include "tests/golden_runner/name_lists.h"

#include <algorithm>
#include <sstream>
#include <vector>

#include "framework/encoders/make_encoder.h"
#include "framework/train/weight_names.h"
#include "tests/golden_runner/case.h"

namespace nearfar::golden {
namespace {

/// "name [shape] dtype", parameters before buffers.
using Listing = std::vector<std::string>;

std::string encoder_of(const std::string& model) {
  if (model == "torchvision_vit_b_16") return "vit_base_patch16_224";
  const std::string name = model.substr(model.find('_') + 1);
  const std::vector<std::string>& known = encoder_names();
  if (std::find(known.begin(), known.end(), name) == known.end()) {
    throw Unsupported("no encoder " + name);
  }
  return name;
}

std::string row(const std::string& name, const std::vector<int64_t>& shape,
                const std::string& dtype) {
  std::ostringstream text;
  text << name << " " << c10::IntArrayRef(shape) << " " << dtype;
  return text.str();
}

Listing rows_of(const Encoder& encoder) {
  Listing rows;
  const auto add = [&rows](const auto& tensors) {
    for (const auto& item : tensors) {
      const bool integer = item.value().scalar_type() == at::kLong;
      rows.push_back(row(item.key(), item.value().sizes().vec(), integer ? "int64" : "float32"));
    }
  };
  add(encoder.named_parameters());
  rows.emplace_back("buffers:");
  add(encoder.named_buffers());
  return rows;
}

/// The list's rows under nearfar's names, in the list's order.
Listing rows_of(const Json& list, const WeightNames& names) {
  std::map<std::string, std::string> own;
  for (const auto& [mine, theirs] : names.of_file) own[theirs] = mine;
  Listing rows;
  for (const bool parameters : {true, false}) {
    if (!parameters) rows.emplace_back("buffers:");
    for (const Json& entry : list.items()) {
      const auto found = own.find(entry.at("name").as_string());
      if (entry.at("parameter").as_bool() != parameters || found == own.end()) continue;
      std::vector<int64_t> shape;
      for (const Json& size : entry.at("shape").items()) shape.push_back(size.as_int());
      rows.push_back(row(found->second, shape, entry.at("dtype").as_string()));
    }
  }
  return rows;
}

}  // namespace

std::string check_names(const std::string& model, const Json& list) {
  EncoderConfig config;
  config.name = encoder_of(model);
  std::vector<std::string> theirs;
  for (const Json& entry : list.items()) theirs.push_back(entry.at("name").as_string());
  const WeightNames names = read_weight_names(theirs);
  for (const std::string& name : names.left_out) {
    if (!name.starts_with("fc.") && !name.starts_with("head")) return "left out: " + name;
  }
  Listing expected = rows_of(list, names);
  Listing found = rows_of(*make_encoder(config, 3, 224, NormPlan{}));
  if (model == "torchvision_vit_b_16") {
    std::sort(expected.begin(), expected.end());
    std::sort(found.begin(), found.end());
  }
  const auto [a, b] = std::mismatch(expected.begin(), expected.end(), found.begin(), found.end());
  if (a == expected.end() && b == found.end()) return "";
  return "expected " + (a == expected.end() ? "the end" : *a) + ", found " +
         (b == found.end() ? "the end" : *b);
}

}  // namespace nearfar::golden
