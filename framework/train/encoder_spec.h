// What the file of an encoder says of its network and of the images that it wants.
#pragma once

#include <cstdint>
#include <string>

#include "augment/render.h"
#include "framework/encoders/encoder_config.h"
#include "framework/files/safetensors.h"
#include "framework/log/log.h"
#include "framework/train/own_encoder.h"

namespace nearfar {

struct EncoderSpec {
  EncoderConfig config;
  Normalize normalize;
  int64_t channels = 3;
  int64_t image_size = 224;
  uint64_t seed = 0;     // of its initial weights
  bool foreign = false;  // not written by nearfar
  OwnEncoder own;        // where a recipe brought the network; config is then what it was given
};

/// Reads nearfar's metadata. A file without it needs `name` (torchvision's or timm's weights): its
/// channels and stem follow from its first convolution, 3x3 being the cifar stem, and it is taken
/// to want ImageNet's normalisation and 224 pixels (32 with the cifar stem). A ViT's patch, depth,
/// pool and image size follow from its tensors; its heads are those of its name. Throws
/// CheckpointError naming the file and what is missing.
EncoderSpec read_encoder_spec(const SafetensorsFile& file, const std::string& name);

/// Says of foreign ViTs alone that ImageNet's normalisation is an assumption: timm trained most of
/// its own, but not those of other authors, with means and deviations of 0.5.
void log_normalization(const EncoderSpec& spec, Log& log);

/// Throws ConfigError where --encoder `name` is given and the file at `path` says otherwise.
void check_encoder_name(const EncoderSpec& spec, const std::string& name, const std::string& path);

}  // namespace nearfar
