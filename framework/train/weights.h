// Loads weights that others wrote into an encoder, and tells what fitted.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/checkpoint/tensors.h"
#include "framework/json/json.h"
#include "framework/train/weight_names.h"

namespace nearfar {

/// The key report of a weights file.
struct WeightsReport {
  std::string file;
  std::string prefix;                 // removed from the file's names
  int64_t loaded = 0;                 // tensors of the encoder that the file gave
  int64_t wanted = 0;                 // tensors of the encoder
  std::vector<std::string> left_out;  // names in the file: classifier, heads, other networks
  std::vector<std::string> absent;    // counters of BatchNorm that the file does not have
  std::string converted;              // dtype of what was converted: "F16"; empty: nothing
  std::string resampled;  // "14 x 14 to 7 x 7" patches of the position embedding; empty: nothing
};

/// What a file gives to an encoder of that architecture, nothing copied yet. The names must be the
/// encoder's but for what read_weight_names() leaves out and BatchNorm's num_batches_tracked, which
/// may be absent; shapes must be equal, but a ViT's position embedding of another square grid is
/// resampled (resample_positions()); F16, BF16 and F64 become the encoder's dtype. Throws
/// CheckpointError, one line with the first names of each kind that do not fit, their nearest names
/// in the file, and the architecture that the file looks like.
WeightsReport match_weights(const NamedTensors& targets, const SafetensorsFile& file,
                            const std::string& architecture);

/// match_weights(), then copies.
WeightsReport load_weights(const NamedTensors& targets, const SafetensorsFile& file,
                           const std::string& architecture);

/// "122 of 122 tensors, left out: fc.weight, fc.bias; prefix "module." removed".
std::string to_words(const WeightsReport& report);
/// {"file", "loaded", "wanted", "prefix", "left_out", "absent", "converted", "resampled"}.
Json to_document(const WeightsReport& report);

/// What a file of ResNet weights tells of its network. Without a convolution conv1.weight: as it
/// stands here, but for the architecture of a ViT.
struct WeightsShape {
  std::string architecture;  // as make_encoder names it; empty: none of them
  int64_t channels = 3;      // of the images
  int64_t kernel = 7;        // of the first convolution
  int64_t width = 64;        // its output
};
WeightsShape shape_of(const SafetensorsFile& file);

/// read_safetensors(), which a file of torch.save never reaches: reading it means running what it
/// says. CheckpointError with the Python lines that convert it.
SafetensorsFile read_weights(const std::string& path);

}  // namespace nearfar
