// The classifier that a supervised run leaves behind: judged, and written for torchvision and timm.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/evaluate/features.h"
#include "framework/evaluate/scores.h"
#include "framework/train/encoder_file.h"
#include "framework/train/run_folder.h"

namespace nearfar {

/// An encoder and the linear classifier on its features.
struct Classifier {
  LoadedEncoder encoder;
  at::Tensor weight;   // [C, width]
  at::Tensor bias;     // [C]
  int64_t images = 0;  // that it learned from
};

/// The classifier of a finished run of the recipe supervised: its encoder.safetensors, and the head
/// of its newest checkpoint. Throws CheckpointError.
Classifier load_classifier(const RunFolder& folder, Log& log);

/// Predicts labelled images from the features of its encoder.
Accuracy judge_classifier(const Classifier& classifier, const Features& images);

/// FOLDER/classifier.safetensors: the encoder with fc.weight and fc.bias, which the model of that
/// name with so many classes loads strictly, and encoder.safetensors' metadata with "classes".
/// Returns the path.
std::string write_classifier(const Classifier& classifier,
                             const std::vector<std::string>& class_names, const RunFolder& folder);

}  // namespace nearfar
