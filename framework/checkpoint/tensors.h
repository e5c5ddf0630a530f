// Tensors to and from safetensors: what a checkpoint and an encoder file hold.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "framework/files/safetensors.h"

namespace nearfar {

/// Tensors by name, in the order of their owner.
using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

/// The bytes of a safetensors file. Tensors may live on any device and have any strides; they are
/// written row-major. Throws std::invalid_argument for a dtype that the format does not have
/// (complex128, quantised), a tensor without data, or a name given twice.
std::vector<uint8_t> encode_tensors(const NamedTensors& tensors, const Metadata& metadata = {});

/// A tensor of its own memory on the CPU, with the file's dtype and shape. Throws
/// std::invalid_argument where bytes and shape do not agree.
at::Tensor to_tensor(const RawTensor& raw);

/// All tensors of a file, in its order.
NamedTensors to_tensors(const SafetensorsFile& file);

enum class Match { exact, extra_allowed };

/// Copies a file's tensors into `targets` by name (values of parameters and buffers, on their
/// device). Dtypes and shapes must be equal. Nothing is copied unless everything fits: else
/// CheckpointError, one line with all missing, unexpected (unless extra_allowed) and misshapen
/// names.
void load_into(const NamedTensors& targets, const SafetensorsFile& file,
               Match match = Match::exact);

}  // namespace nearfar
