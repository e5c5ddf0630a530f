// replay.json and the files beside it.
#include "framework/train/divergence.h"

#include <cmath>

#include "framework/checkpoint/manifest.h"
#include "framework/files/file_system.h"

namespace nearfar {
namespace {

constexpr int64_t kFormat = 1;
constexpr size_t kLargest = size_t{1} << 28;  // a name for each image of a large batch

/// JSON has no numbers for what a diverged step gives.
Json number_or_word(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0.0 ? "inf" : "-inf";
}

Json images_of(const StepImages& images, const Dataset& data) {
  Json list = Json::array();
  for (size_t i = 0; i < images.seen.size(); ++i) {
    Json image = Json::object();
    image["index"] = images.seen[i];
    if (images.asked[i] != images.seen[i]) image["instead_of"] = images.asked[i];
    image["place"] = data.place(images.seen[i]);
    list.push_back(std::move(image));
  }
  return list;
}

void write(const std::string& path, const std::string& bytes) {
  replace_file(real_file_system(), path, bytes.data(), bytes.size());
}

}  // namespace

std::string write_divergence(const ResolvedRun& run, const RunFolder& folder,
                             const Training& training, const NamedTensors& whole_state,
                             const StepImages& images, const std::string& what) {
  const std::string path = folder.diverged() + "/step-" + std::to_string(images.step + 1);
  real_file_system().make_directories(path);
  for (const auto& [name, bytes] : training.state_files(whole_state)) {
    replace_file(real_file_system(), path + "/" + name, bytes.data(), bytes.size());
  }
  RunConfig config = run.config;
  const std::string settings =
      to_text(to_json([&config](Fields& field) { config.describe(field); })) + "\n";
  write(path + "/config.json", settings);

  Json replay = Json::object();
  replay["format"] = kFormat;
  replay["what"] = what;
  replay["step"] = images.step + 1;
  replay["epoch"] = images.epoch + 1;
  if (training.failure()) {
    replay["loss"] = number_or_word(training.failure()->loss);
    replay["gradient_norm"] = number_or_word(training.failure()->gradient_norm);
  }
  replay["seed"] = run.config.train.seed;
  replay["recipe_library"] = run.library.path;
  replay["config"] = "config.json";
  replay["config_hash"] = xxh3_hex(settings.data(), settings.size());
  replay["dataset"] = run.data.train->info().path;
  replay["dataset_size"] = run.data.train->info().size;
  replay["images"] = images_of(images, *run.data.train);
  write(path + "/replay.json", to_text(replay) + "\n");
  return path + "/replay.json";
}

Divergence read_divergence(const std::string& path) {
  const Json replay = parse_json(read_text(path, kLargest), path, {.bytes = kLargest});
  if (replay.at("format").as_int() != kFormat) {
    throw ConfigError(path + ": format: expected " + std::to_string(kFormat) + ", got " +
                      summary(replay.at("format")));
  }
  Divergence divergence;
  divergence.folder = parent_directory(path);
  divergence.recipe_path = replay.at("recipe_library").as_string();
  divergence.what = replay.at("what").as_string();
  divergence.dataset_size = replay.at("dataset_size").as_int();
  divergence.images.step = replay.at("step").as_int() - 1;
  divergence.images.epoch = replay.at("epoch").as_int() - 1;
  for (const Json& image : replay.at("images").items()) {
    const Json* asked = image.find("instead_of");
    divergence.images.seen.push_back(image.at("index").as_int());
    divergence.images.asked.push_back((asked ? *asked : image.at("index")).as_int());
    divergence.places.push_back(image.at("place").as_string());
  }
  if (divergence.images.seen.empty()) throw ConfigError(path + ": images: expected at least one");
  return divergence;
}

}  // namespace nearfar
