// Hands an encoder over to torchvision and timm: files under their names, checked after writing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/json/json.h"
#include "framework/train/encoder_file.h"

namespace nearfar {

struct ExportResult {
  std::string path;  // of the weights
  int64_t tensors = 0;
  double difference = 0.0;          // largest, absolute, between features of source and file
  std::vector<std::string> python;  // lines that load it
};

/// Writes the weights for "torchvision" or "timm" (one .safetensors at `out`; the names differ for
/// ViTs alone) or as "timm-folder" (config.json and model.safetensors in the folder `out`, which
/// timm.create_model("local-dir:...") opens), then reads the file into a fresh encoder and compares
/// the features of seeded images with the source's. Throws ConfigError for a network that the
/// format cannot describe, CheckpointError when the features differ by more than 1e-6 of the
/// largest, EnvironmentError.
ExportResult export_encoder(const LoadedEncoder& source, const std::string& format,
                            const std::string& out);

/// The Python that builds the model of torchvision or timm, changed where the network has another
/// stem, other channels or is tiny, and loads `path` into it strictly.
std::vector<std::string> python_lines(const EncoderSpec& spec, const std::string& format,
                                      const std::string& path);

}  // namespace nearfar
