// `nearfar evaluate`.
#include "framework/evaluate/evaluation.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "framework/data/subset.h"
#include "framework/error.h"
#include "framework/files/file_system.h"
#include "framework/log/quantities.h"
#include "framework/train/run_folder.h"
#include "tools/nearfar/commands.h"
#include "tools/nearfar/judged_data.h"
#include "tools/nearfar/judging.h"

namespace nearfar {
namespace {

constexpr int64_t kRawPixelSide = 32;

constexpr size_t kDocumentBytes = size_t{1} << 26;

Json parse_document(const std::string& text, const std::string& path) {
  return parse_json(text, path, {.bytes = kDocumentBytes, .depth = 64, .comments = false});
}

/// Features of both parts from one function of a data set.
template <typename Extract>
void set_features(SplitFeatures& source, const DataParts& data, const Extract& extract) {
  source.train = extract(*data.train).features;
  source.test = extract(*data.test).features;
}

/// The training part as the SGD probe sees it, by source.
void set_augmented(EvaluationInputs& inputs, const Judging& judging,
                   const std::shared_ptr<Encoder>& twin, Log& log) {
  const ProbeViews& views = judging.config.evaluate.linear_sgd.view;
  const auto& data = judging.data.train;
  inputs.encoder.augmented =
      encoded_views(judging.loaded.encoder, data, views, judging.options, log);
  inputs.untrained.augmented = encoded_views(twin, data, views, judging.options, log);
  inputs.raw_pixels.augmented =
      pixel_views(data, views, kRawPixelSide, judging.options.workers, log);
}

void check_parts(const DataParts& data) {
  const std::string& path = data.train->info().path;
  if (data.train->info().class_names.empty()) {
    throw DataError(path +
                    ": no labels to judge by; expected one folder per class, or a labelled set");
  }
  if (data.test == nullptr) {
    throw DataError(path +
                    ": no test part to judge by; expected --test PATH, or a larger "
                    "data.test_fraction");
  }
}

/// The images of a part that have a label: the others can neither be learned from nor judge.
std::shared_ptr<const Dataset> labelled_images(const std::shared_ptr<const Dataset>& part,
                                               const char* name, Log& log) {
  std::vector<int64_t> labelled;
  for (int64_t i = 0; i < part->info().size; ++i) {
    if (part->label(i) >= 0) labelled.push_back(i);
  }
  const int64_t left_out = part->info().size - static_cast<int64_t>(labelled.size());
  if (left_out == 0) return part;
  log.info(format_count(left_out) + " of the " + format_count(part->info().size) + " " + name +
           " images have no label and are left out");
  return subset(part, std::move(labelled));
}

/// All that can be refused before features are extracted.
EvaluationInputs checked_labels(const Judging& judging) {
  EvaluationInputs inputs;
  inputs.data = judging.data.train->info();
  inputs.train_label = labels_of(*judging.data.train);
  inputs.test_label = labels_of(*judging.data.test);
  check_evaluation(inputs, judging.config.evaluate);
  return inputs;
}

void add_features(EvaluationInputs& inputs, Judging& judging, Log& log) {
  DataParts& data = judging.data;
  const auto twin = untrained_twin(judging.loaded);
  log.info("features of the encoder: " + judging.loaded.source);
  const Features train = readable_features(judging, data.train, log);
  const Features test = readable_features(judging, data.test, log);
  twin->to(at::Device(judging.config.device));
  set_augmented(inputs, judging, twin, log);
  inputs.encoder.train = train.features;
  inputs.encoder.test = test.features;
  inputs.train_label = train.label;
  inputs.test_label = test.label;
  log.info("features of its untrained twin");
  set_features(inputs.untrained, data,
               [&](const Dataset& part) { return extract_features(*twin, part, judging.options); });
  log.info("raw pixels");
  set_features(inputs.raw_pixels, data, [&](const Dataset& part) {
    return raw_pixels(part, kRawPixelSide, judging.options.workers);
  });
}

/// Where the document goes: as asked for, else into the run, else beside the file.
std::string output_path(const EvaluateArguments& arguments) {
  if (!arguments.out.empty()) return arguments.out;
  const std::string run = run_of(arguments.rest.front());
  if (!run.empty()) return RunFolder{run}.evaluation();
  return std::filesystem::path(arguments.rest.front())
      .replace_extension(".evaluation.json")
      .string();
}

/// Hours of judging must not end at a folder that is not there.
void check_writable(const std::string& path) {
  const std::string folder = parent_directory(path);
  if (access(folder.c_str(), W_OK | X_OK) == 0) return;
  throw EnvironmentError(path + ": expected a folder to write into, found " + folder + ": " +
                         std::strerror(errno));
}

/// Whether two documents judge the same encoder on the same images.
bool is_of_the_same(const Json& a, const Json& b) {
  for (const char* name : {"data", "weights", "encoder"}) {
    const Json* own = a.find(name);
    if (own == nullptr || !(*own == b.at(name))) return false;
  }
  return a.find("methods") != nullptr;
}

/// The document with the methods that an earlier one at `path` has besides, where that is of the
/// same encoder and images.
Json with_earlier_methods(const Json& document, const std::string& path, const std::string& encoder,
                          Log& log) {
  if (!std::filesystem::is_regular_file(path)) return document;
  // Read back, so that numbers compare as they are written.
  const Json now = parse_document(to_text(document), path);
  Json earlier;
  try {
    earlier = parse_document(read_text(path), path);
  } catch (const Error& error) {
    log.warning(std::string("replaced, not an evaluation: ") + error.what());
    return document;
  }
  // A run that went on writes its encoder to the same file.
  const bool is_older =
      std::filesystem::last_write_time(path) < std::filesystem::last_write_time(encoder);
  if (is_older || !earlier.is_object() || !is_of_the_same(earlier, now)) {
    log.warning(path + ": of another encoder or other images; replaced");
    return document;
  }
  for (const auto& [name, sources] : now.at("methods").members()) {
    earlier["methods"][name] = sources;
  }
  return earlier;
}

}  // namespace

int run_evaluate(const EvaluateArguments& arguments, Console& console) {
  Judging judging = prepare_judging(arguments.rest, arguments.encoder, arguments.data,
                                    arguments.test, console.log());
  EvaluationConfig& config = judging.config.evaluate;
  if (!arguments.methods.empty()) config.methods = arguments.methods;
  check_parts(judging.data);
  judging.data.train = labelled_images(judging.data.train, "training", console.log());
  judging.data.test = labelled_images(judging.data.test, "test", console.log());
  EvaluationInputs inputs = checked_labels(judging);
  const std::string path = output_path(arguments);
  check_writable(path);
  const Json described = describe_judged_data(judging, console.log());
  add_features(inputs, judging, console.log());
  Json document = evaluate(inputs, config, console.log());
  for (const auto& [key, value] : described.members()) document["data"][key] = value;
  document["data"]["skipped"] = judging.skipped;
  document["weights"] = to_document(judging.loaded.weights);
  document["encoder"] = judging.loaded.source;
  document = with_earlier_methods(document, path, judging.loaded.source, console.log());
  const TableStyle style = isatty(STDOUT_FILENO) != 0 ? TableStyle::terminal : TableStyle::plain;
  console.result(evaluation_table(document, style), document);
  const std::string text = to_text(document) + "\n";
  replace_file(real_file_system(), path, text.data(), text.size());
  console.log().info("written: " + path);
  return 0;
}

}  // namespace nearfar
