// Converts tensors to safetensors bytes and back, and loads files into modules.
#include "framework/checkpoint/tensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <stdexcept>

#include "framework/error.h"

namespace nearfar {
namespace {

constexpr std::array<std::pair<const char*, at::ScalarType>, 17> kTypes{
    {{"BOOL", at::kBool},
     {"U8", at::kByte},
     {"I8", at::kChar},
     {"F8_E5M2", at::kFloat8_e5m2},
     {"F8_E4M3", at::kFloat8_e4m3fn},
     {"F8_E8M0", at::kFloat8_e8m0fnu},
     {"I16", at::kShort},
     {"U16", at::kUInt16},
     {"F16", at::kHalf},
     {"BF16", at::kBFloat16},
     {"I32", at::kInt},
     {"U32", at::kUInt32},
     {"F32", at::kFloat},
     {"C64", at::kComplexFloat},
     {"F64", at::kDouble},
     {"I64", at::kLong},
     {"U64", at::kUInt64}}};

/// The format's name of a dtype, or null.
const char* find_name(at::ScalarType type) {
  const auto found = std::find_if(kTypes.begin(), kTypes.end(),
                                  [&](const auto& entry) { return entry.second == type; });
  return found == kTypes.end() ? nullptr : found->first;
}

std::string describe(const std::string& dtype, at::IntArrayRef shape) {
  std::string text = dtype + " [";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

std::string describe(const at::Tensor& tensor) {
  const char* name = find_name(tensor.scalar_type());
  return describe(name ? name : at::toString(tensor.scalar_type()), tensor.sizes());
}

/// Names collected for one kind of misfit.
struct Misfit {
  std::string text;
  void add(const std::string& what) { text += (text.empty() ? "" : ", ") + what; }
};

void append(std::string& message, const char* kind, const Misfit& misfit) {
  if (!misfit.text.empty()) message += std::string("; ") + kind + ": " + misfit.text;
}

void check_fit(const NamedTensors& targets, const SafetensorsFile& file, Match match) {
  Misfit missing, misshapen, unexpected;
  std::set<std::string> wanted;
  for (const auto& [name, target] : targets) {
    wanted.insert(name);
    const RawTensor* found = file.find(name);
    if (!found) {
      missing.add(name);
    } else if (describe(found->dtype, found->shape) != describe(target)) {
      misshapen.add(name + " (expected " + describe(target) + ", found " +
                    describe(found->dtype, found->shape) + ")");
    }
  }
  for (const auto& [name, tensor] : file.tensors) {
    if (match == Match::exact && !wanted.contains(name)) unexpected.add(name);
  }
  std::string message;
  append(message, "missing", missing);
  append(message, "unexpected", unexpected);
  append(message, "misshapen", misshapen);
  if (!message.empty()) throw CheckpointError(file.path + ": does not fit" + message);
}

}  // namespace

std::vector<uint8_t> encode_tensors(const NamedTensors& tensors, const Metadata& metadata) {
  std::vector<at::Tensor> row_major;  // keeps the copies alive until they are encoded
  std::vector<std::pair<std::string, RawTensorView>> views;
  for (const auto& [name, tensor] : tensors) {
    const char* dtype = tensor.defined() ? find_name(tensor.scalar_type()) : nullptr;
    if (!dtype) {
      throw std::invalid_argument(
          "safetensors: \"" + name + "\" " +
          (tensor.defined() ? std::string("has dtype ") + at::toString(tensor.scalar_type())
                            : std::string("is undefined")));
    }
    // resolve_conj/neg: lazily conjugated or negated tensors share the memory of the original.
    row_major.push_back(tensor.detach().to(at::kCPU).resolve_conj().resolve_neg().contiguous());
    const at::Tensor& plain = row_major.back();
    views.emplace_back(
        name, RawTensorView{dtype, plain.sizes().vec(), plain.const_data_ptr(), plain.nbytes()});
  }
  return encode_safetensors(views, metadata);
}

at::Tensor to_tensor(const RawTensor& raw) {
  const auto type = std::find_if(kTypes.begin(), kTypes.end(),
                                 [&](const auto& entry) { return raw.dtype == entry.first; });
  if (type == kTypes.end()) throw std::invalid_argument("safetensors: dtype " + raw.dtype);
  at::Tensor tensor = at::empty(raw.shape, at::TensorOptions(type->second));
  if (tensor.nbytes() != raw.bytes.size()) {
    throw std::invalid_argument("safetensors: " + describe(raw.dtype, raw.shape) + " with " +
                                std::to_string(raw.bytes.size()) + " bytes");
  }
  if (!raw.bytes.empty()) {
    std::memcpy(tensor.mutable_data_ptr(), raw.bytes.data(), raw.bytes.size());
  }
  return tensor;
}

NamedTensors to_tensors(const SafetensorsFile& file) {
  NamedTensors tensors;
  for (const auto& [name, raw] : file.tensors) tensors.emplace_back(name, to_tensor(raw));
  return tensors;
}

void load_into(const NamedTensors& targets, const SafetensorsFile& file, Match match) {
  check_fit(targets, file, match);
  const at::NoGradGuard values_alone;
  for (const auto& [name, target] : targets) target.copy_(to_tensor(file.at(name)));
}

}  // namespace nearfar
