// Key reports, and the weights of others.
#include "framework/train/weights.h"

#include <algorithm>
#include <fstream>
#include <set>

#include "framework/config/settings.h"
#include "framework/encoders/resnet.h"
#include "framework/error.h"
#include "framework/train/vit_weights.h"

namespace nearfar {
namespace {

constexpr size_t kNamed = 3;  // of each kind of misfit

/// "a, b, c and 12 more".
std::string some_of(const std::vector<std::string>& list, size_t most = kNamed) {
  std::string text;
  for (size_t i = 0; i < std::min(list.size(), most); ++i) text += (i > 0 ? ", " : "") + list[i];
  if (list.size() > most) text += " and " + std::to_string(list.size() - most) + " more";
  return text;
}

std::string shape_text(at::IntArrayRef shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

bool is_counter(const std::string& name) { return name.ends_with("num_batches_tracked"); }

/// Whether values of the file's dtype may become the target's: floats floats, integers integers.
bool converts(const std::string& dtype, const at::Tensor& target) {
  const bool real = dtype == "F16" || dtype == "BF16" || dtype == "F32" || dtype == "F64";
  const bool integer = dtype == "I64" || dtype == "I32";
  return target.is_floating_point() ? real : integer || real;
}

/// How a file's tensors differ from those wanted.
struct Misfits {
  std::vector<std::string> missing, unexpected, misshapen;
};

std::string misfit_text(const Misfits& misfits, const WeightNames& names) {
  std::vector<std::string> unexpected;  // as the file names them
  for (const std::string& name : misfits.unexpected) unexpected.push_back(names.of_file.at(name));
  std::string text;
  if (!misfits.missing.empty()) {
    text += "; missing: " + some_of(misfits.missing);
    const std::string near = nearest_name(misfits.missing.front(), misfits.unexpected);
    if (!near.empty()) text += " (is it \"" + names.of_file.at(near) + "\"?)";
  }
  if (!unexpected.empty()) text += "; unexpected: " + some_of(unexpected);
  if (!misfits.misshapen.empty()) text += "; misshapen: " + some_of(misfits.misshapen);
  return text;
}

std::string to_words(const PatchGrid& grid) {
  return std::to_string(grid.rows) + " x " + std::to_string(grid.columns);
}

/// Whether a position embedding of another grid can stand for the target.
bool resamples(const std::string& name, const at::Tensor& target, const RawTensor& found) {
  return name == "pos_embed" && position_grid(found.shape) && position_grid(target.sizes().vec()) &&
         found.shape[2] == target.size(2);
}

/// The file's values in the target's shape and dtype. Precondition: compare() has let them through.
at::Tensor fitted(const at::Tensor& target, const RawTensor& found) {
  const at::Tensor values = to_tensor(found).to(target.scalar_type());
  if (values.sizes() == target.sizes()) return values;
  return resample_positions(values, *position_grid(found.shape),
                            *position_grid(target.sizes().vec()));
}

void compare(const std::string& name, const at::Tensor& target, const RawTensor& found,
             Misfits& misfits, WeightsReport& report) {
  const bool same = at::IntArrayRef(found.shape) == target.sizes();
  if (!(same || resamples(name, target, found)) || !converts(found.dtype, target)) {
    misfits.misshapen.push_back(name + " (expected " + shape_text(target.sizes()) + ", found " +
                                found.dtype + " " + shape_text(found.shape) + ")" +
                                (name == "pos_embed" ? position_problem(found.shape) : ""));
    return;
  }
  if (!same) {
    report.resampled = to_words(*position_grid(found.shape)) + " to " +
                       to_words(*position_grid(target.sizes().vec()));
  }
  ++report.loaded;
  if (target.is_floating_point() && found.dtype != "F32") report.converted = found.dtype;
}

/// Blocks of layer1 .. layer4 by their numbers in the names.
std::array<int64_t, 4> count_blocks(const WeightNames& names) {
  std::array<int64_t, 4> blocks{};
  for (size_t layer = 0; layer < blocks.size(); ++layer) {
    const std::string start = "layer" + std::to_string(layer + 1) + ".";
    while (names.of_file.contains(start + std::to_string(blocks[layer]) + ".conv1.weight")) {
      ++blocks[layer];
    }
  }
  return blocks;
}

/// The convolution kernel that a ResNet knows by that name, or null.
const RawTensor* kernel_of(const SafetensorsFile& file, const WeightNames& names,
                           const std::string& name) {
  const auto found = names.of_file.find(name);
  if (found == names.of_file.end()) return nullptr;
  const RawTensor& raw = file.at(found->second);
  return raw.shape.size() == 4 ? &raw : nullptr;
}

std::string architecture_of(const SafetensorsFile& file, const WeightNames& names) {
  if (const auto vit = vit_weights_of(file)) return vit->architecture;
  const RawTensor* stem = kernel_of(file, names, "conv1.weight");
  const RawTensor* first = kernel_of(file, names, "layer1.0.conv1.weight");
  const RawTensor* second = kernel_of(file, names, "layer1.0.conv2.weight");
  if (stem == nullptr || first == nullptr || second == nullptr) return "";
  const int64_t width = stem->shape[0];
  if (second->shape[1] != first->shape[0]) return "";  // grouped: a ResNeXt
  if (width == 0 || first->shape[0] % width != 0) return "";
  return encoder_name_of({count_blocks(names), names.of_file.contains("layer1.0.conv3.weight"),
                          width, first->shape[0] / width});
}

/// The error of a file whose tensors do not fit.
CheckpointError misfit_error(const SafetensorsFile& file, const std::string& architecture,
                             const Misfits& misfits, const WeightNames& names) {
  const std::string looks = architecture_of(file, names);
  return CheckpointError(
      file.path + ": does not fit " + architecture + misfit_text(misfits, names) +
      (looks.empty() || looks == architecture ? "" : "; the file looks like " + looks));
}

}  // namespace

WeightsReport match_weights(const NamedTensors& targets, const SafetensorsFile& file,
                            const std::string& architecture) {
  const WeightNames names = read_weight_names(file);
  WeightsReport report{file.path,      names.prefix, 0,  static_cast<int64_t>(targets.size()),
                       names.left_out, {},           "", ""};
  Misfits misfits;
  std::set<std::string> wanted;
  for (const auto& [name, target] : targets) {
    wanted.insert(name);
    const auto found = names.of_file.find(name);
    if (found != names.of_file.end()) {
      compare(name, target, file.at(found->second), misfits, report);
    } else {
      (is_counter(name) ? report.absent : misfits.missing).push_back(name);
    }
  }
  for (const auto& [name, of_file] : names.of_file) {
    if (!wanted.contains(name)) misfits.unexpected.push_back(name);
  }
  if (!misfit_text(misfits, names).empty()) {
    throw misfit_error(file, architecture, misfits, names);
  }
  return report;
}

WeightsReport load_weights(const NamedTensors& targets, const SafetensorsFile& file,
                           const std::string& architecture) {
  const WeightsReport report = match_weights(targets, file, architecture);
  const WeightNames names = read_weight_names(file);
  const at::NoGradGuard values_alone;
  for (const auto& [name, target] : targets) {
    const auto found = names.of_file.find(name);
    if (found != names.of_file.end()) target.copy_(fitted(target, file.at(found->second)));
  }
  return report;
}

std::string to_words(const WeightsReport& report) {
  constexpr size_t kLeftOutNamed = 6;
  std::string text =
      std::to_string(report.loaded) + " of " + std::to_string(report.wanted) + " tensors";
  if (!report.left_out.empty()) text += ", left out: " + some_of(report.left_out, kLeftOutNamed);
  if (!report.prefix.empty()) text += "; prefix \"" + report.prefix + "\" removed";
  if (!report.absent.empty()) {
    text += "; " + std::to_string(report.absent.size()) + " counters num_batches_tracked absent";
  }
  if (!report.converted.empty()) text += "; converted from " + report.converted;
  if (!report.resampled.empty()) {
    text += "; position embedding resampled from " + report.resampled + " patches";
  }
  return text;
}

Json to_document(const WeightsReport& report) {
  Json left_out = Json::array(), absent = Json::array();
  for (const std::string& name : report.left_out) left_out.push_back(name);
  for (const std::string& name : report.absent) absent.push_back(name);
  return Json::object({{"file", report.file},
                       {"loaded", report.loaded},
                       {"wanted", report.wanted},
                       {"prefix", report.prefix},
                       {"left_out", left_out},
                       {"absent", absent},
                       {"converted", report.converted},
                       {"resampled", report.resampled}});
}

WeightsShape shape_of(const SafetensorsFile& file) {
  const WeightNames names = read_weight_names(file);
  const RawTensor* stem = kernel_of(file, names, "conv1.weight");
  if (stem == nullptr) return {.architecture = architecture_of(file, names)};
  return {architecture_of(file, names), stem->shape[1], stem->shape[2], stem->shape[0]};
}

SafetensorsFile read_weights(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  std::string head(9, '\0');
  stream.read(head.data(), static_cast<std::streamsize>(head.size()));
  // A zip archive, or a pickle of protocol 2 or later (torch.save before 1.6).
  const bool zipped = head.starts_with("PK\x03\x04");
  const bool pickled = head[0] == '\x80' && head[1] >= 2 && head[1] <= 5;
  if (head[8] == '{' || !(zipped || pickled)) return read_safetensors(path);
  throw CheckpointError(
      path + ": a file of torch.save, which is a program to be run and is not opened; convert it " +
      "in Python: import torch, safetensors.torch; d = torch.load(\"" + path +
      "\", map_location=\"cpu\", weights_only=True); safetensors.torch.save_file({k: " +
      "v.clone().contiguous() for k, v in d.get(\"state_dict\", d).items() if "
      "torch.is_tensor(v)}, " +
      "\"" + path + ".safetensors\")");
}

}  // namespace nearfar
