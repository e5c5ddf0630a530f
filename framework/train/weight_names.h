// Names of tensors in the files of others, as an encoder of nearfar knows them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "framework/files/safetensors.h"

namespace nearfar {

/// What the names of a weights file mean.
struct WeightNames {
  std::string prefix;                          // removed from the names: "", "module.encoder_q."
  std::map<std::string, std::string> of_file;  // name in an encoder -> name in the file
  std::vector<std::string> left_out;  // of the file: classifiers, heads, what has another prefix
};

/// Reads the names of a file. Of the prefixes made of words that wrap a network (module.,
/// _orig_mod., backbone., encoder_q., ...) the one under which most names are an encoder's is
/// removed; of equals the one that is evaluated by its authors (DINO: the teacher). Children of a
/// ResNet that were put into a torch.nn.Sequential get their names back (0 conv1, 1 bn1, 4 to 7
/// layer1 to layer4), and those of torchvision's ViT get timm's.
WeightNames read_weight_names(const std::vector<std::string>& names);
/// The same for all tensors of a file.
WeightNames read_weight_names(const SafetensorsFile& file);

}  // namespace nearfar
