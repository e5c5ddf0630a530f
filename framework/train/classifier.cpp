// Loading, judging and writing of classifiers.
#include "framework/train/classifier.h"

#include "framework/checkpoint/generations.h"
#include "framework/checkpoint/tensors.h"
#include "framework/error.h"
#include "framework/train/module_state.h"

namespace nearfar {

Classifier load_classifier(const RunFolder& folder, Log& log) {
  Classifier classifier;
  classifier.encoder = load_encoder(folder.encoder(), "", log);
  const auto generation = newest_generation(folder.checkpoints(), log);
  if (!generation) throw CheckpointError(folder.path + ": expected a checkpoint, found none");
  const SafetensorsFile model = read_safetensors(generation->path + "/model.safetensors");
  const RawTensor* weight = model.find("head.weight");
  const RawTensor* bias = model.find("head.bias");
  if (weight == nullptr || bias == nullptr) {
    throw CheckpointError(model.path +
                          ": expected the classifier head.weight and head.bias of the " +
                          "recipe supervised, found none");
  }
  classifier.weight = to_tensor(*weight);
  classifier.bias = to_tensor(*bias);
  classifier.images = generation->state.at("dataset_size").as_int();
  return classifier;
}

Accuracy judge_classifier(const Classifier& classifier, const Features& images) {
  const at::NoGradGuard values_alone;
  return judge(at::linear(images.features, classifier.weight, classifier.bias), images.label);
}

std::string write_classifier(const Classifier& classifier,
                             const std::vector<std::string>& class_names, const RunFolder& folder) {
  NamedTensors tensors = module_state(*classifier.encoder.encoder);
  tensors.emplace_back("fc.weight", classifier.weight);
  tensors.emplace_back("fc.bias", classifier.bias);
  Metadata metadata = read_safetensors(folder.encoder()).metadata;
  Json classes = Json::array();
  for (const std::string& name : class_names) classes.push_back(name);
  metadata["classes"] = to_text(classes, -1);
  const std::string path = folder.path + "/classifier.safetensors";
  const std::vector<uint8_t> bytes = encode_tensors(tensors, metadata);
  replace_file(real_file_system(), path, bytes.data(), bytes.size());
  return path;
}

}  // namespace nearfar
