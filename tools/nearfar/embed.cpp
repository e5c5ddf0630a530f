// `nearfar embed`.
#include "framework/checkpoint/tensors.h"
#include "framework/error.h"
#include "framework/files/file_system.h"
#include "tools/nearfar/commands.h"
#include "tools/nearfar/judging.h"

namespace nearfar {
namespace {

/// The parts of the data that --part names, in order; the training part where it is not given.
std::vector<std::shared_ptr<const Dataset>*> chosen_parts(DataParts& data,
                                                          const std::string& part) {
  std::vector<std::shared_ptr<const Dataset>*> parts;
  if (part != "test") parts.push_back(&data.train);
  if (part == "all" && data.val != nullptr) parts.push_back(&data.val);
  if ((part == "test" || part == "all") && data.test != nullptr) parts.push_back(&data.test);
  if (parts.empty()) throw DataError(data.train->info().path + ": has no test part");
  return parts;
}

/// PATH without .safetensors, then .paths.txt: one place a line, in the order of the rows.
std::string paths_file(const std::string& out) {
  const std::string ending = ".safetensors";
  const bool ends = out.size() > ending.size() && out.ends_with(ending);
  return (ends ? out.substr(0, out.size() - ending.size()) : out) + ".paths.txt";
}

}  // namespace

int run_embed(const EmbedArguments& arguments, Console& console) {
  const bool divide = arguments.part == "train" || arguments.part == "test";
  Judging judging =
      prepare_judging(arguments.rest, arguments.encoder, arguments.data, "", console.log(), divide);
  std::vector<at::Tensor> features, labels;
  std::string paths;
  for (auto* part : chosen_parts(judging.data, arguments.part)) {
    const Features rows = readable_features(judging, *part, console.log());
    features.push_back(rows.features);
    labels.push_back(rows.label);
    for (const std::string& place : rows.places) paths += place + "\n";
  }
  NamedTensors tensors = {{"features", at::cat(features)}};
  if (!judging.data.train->info().class_names.empty())
    tensors.emplace_back("labels", at::cat(labels));
  const std::vector<uint8_t> bytes = encode_tensors(tensors, {{"encoder", judging.loaded.source}});
  replace_file(real_file_system(), arguments.out, bytes.data(), bytes.size());
  const std::string sidecar = paths_file(arguments.out);
  replace_file(real_file_system(), sidecar, paths.data(), paths.size());

  Json document = Json::object();
  document["features"] = arguments.out;
  document["paths"] = sidecar;
  document["rows"] = tensors.front().second.size(0);
  document["skipped"] = judging.skipped;
  document["width"] = tensors.front().second.size(1);
  document["weights"] = to_document(judging.loaded.weights);
  console.result(arguments.out + ": " + std::to_string(document.at("rows").as_int()) + " x " +
                     std::to_string(document.at("width").as_int()) + " features; " + sidecar + "\n",
                 document);
  return 0;
}

}  // namespace nearfar
