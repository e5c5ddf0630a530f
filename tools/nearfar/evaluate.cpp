// `nearfar evaluate`.
#include "framework/evaluate/evaluation.h"

#include <unistd.h>

#include <filesystem>

#include "framework/error.h"
#include "framework/files/file_system.h"
#include "framework/train/run_folder.h"
#include "tools/nearfar/commands.h"
#include "tools/nearfar/judged_data.h"
#include "tools/nearfar/judging.h"

namespace nearfar {
namespace {

constexpr int64_t kRawPixelSide = 32;

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

EvaluationInputs gather_inputs(Judging& judging, Log& log) {
  DataParts& data = judging.data;
  EvaluationInputs inputs;
  inputs.data = data.train->info();
  const auto twin = untrained_twin(judging.loaded);
  log.info("features of the encoder: " + judging.loaded.source);
  const Features train = readable_features(judging, data.train, log);
  const Features test = readable_features(judging, data.test, log);
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
  return inputs;
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

}  // namespace

int run_evaluate(const EvaluateArguments& arguments, Console& console) {
  Judging judging = prepare_judging(arguments.rest, arguments.encoder, arguments.data,
                                    arguments.test, console.log());
  EvaluationConfig& config = judging.config.evaluate;
  if (!arguments.methods.empty()) config.methods = arguments.methods;
  evaluation_methods(config.methods);
  if (judging.data.train->info().class_names.empty()) {
    throw DataError(judging.data.train->info().path +
                    ": no labels to judge by; expected one folder per class, or a labelled set");
  }
  if (judging.data.test == nullptr) {
    throw DataError(judging.data.train->info().path +
                    ": no test part to judge by; expected --test PATH, or a larger "
                    "data.test_fraction");
  }
  const Json described = describe_judged_data(judging, console.log());
  Json document = evaluate(gather_inputs(judging, console.log()), config, console.log());
  for (const auto& [name, value] : described.members()) document["data"][name] = value;
  document["data"]["skipped"] = judging.skipped;
  document["weights"] = to_document(judging.loaded.weights);
  document["encoder"] = judging.loaded.source;
  const std::string path = output_path(arguments);
  const std::string text = to_text(document) + "\n";
  replace_file(real_file_system(), path, text.data(), text.size());
  const TableStyle style = isatty(STDOUT_FILENO) != 0 ? TableStyle::terminal : TableStyle::plain;
  console.result(evaluation_table(document, style), document);
  console.log().info("written: " + path);
  return 0;
}

}  // namespace nearfar
