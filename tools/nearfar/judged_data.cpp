// Which judging images an encoder has seen.
#include "tools/nearfar/judged_data.h"

#include <set>

#include "framework/data/split.h"
#include "framework/error.h"
#include "framework/files/file_system.h"
#include "framework/log/quantities.h"
#include "framework/train/labelled_part.h"
#include "framework/train/run_folder.h"
#include "framework/train/start_weights.h"

namespace nearfar {
namespace {

/// What an encoder has learned from, run by run.
struct SeenImages {
  std::vector<std::shared_ptr<const Dataset>> sets;
  bool complete = false;  // whether that is all of it
};

/// The images that a run was trained on, opened again.
std::shared_ptr<const Dataset> images_of_run(const std::string& run, const Json& config) {
  Log silent;
  const DataConfig data = settings_of_run(run)->data;
  const DataParts parts = divide_data(open_data(data, silent), data, silent);
  if (data.label_fraction == 0.0) return parts.train;
  const int64_t seed = config.at("train").at("seed").as_int();
  return labelled_part(parts, data, static_cast<uint64_t>(seed));
}

/// The weights that a run started from.
StartWeights start_of_run(const Json& config) {
  Log silent;
  const Json& own = config.at("encoder");
  EncoderConfig encoder;
  encoder.name = own.at("name").as_string();
  encoder.weights = own.at("weights").as_string();
  if (const Json* hash = own.find("weights_hash")) encoder.weights_hash = hash->as_string();
  return read_start_weights(encoder, silent);
}

/// Adds the images of the file's run and of those that it started from.
void add_seen_images(SeenImages& seen, std::string file) {
  std::set<std::string> runs;
  while (true) {
    const std::string run = run_of(file);
    if (run.empty() || !runs.insert(run).second) return;
    const std::string path = RunFolder{run}.config();
    const Json config = parse_json(read_text(path), path);
    seen.sets.push_back(images_of_run(run, config));
    const Json* weights = config.at("encoder").find("weights");
    seen.complete = weights == nullptr || weights->as_string().empty();
    if (seen.complete) return;
    const StartWeights start = start_of_run(config);
    if (start.spec.foreign) return;
    file = start.file.path;
  }
}

SeenImages seen_images(const LoadedEncoder& loaded, Log& log) {
  SeenImages seen;
  if (loaded.foreign) return seen;
  try {
    add_seen_images(seen, loaded.source);
  } catch (const Error& error) {
    seen.complete = false;
    log.warning(std::string("which images pretraining saw is not known: ") + error.what());
  }
  return seen;
}

/// Judging images that are in the training part, too.
int64_t count_training_images(const DataParts& data, Log& log) {
  const int64_t shared = shared_images(*data.test, {data.train});
  const int64_t size = data.test->info().size;
  if (shared == size) {
    throw DataError(data.test->info().path +
                    ": expected a test part of other images than those of the training part, " +
                    "found all " + format_count(size) + " of them in it");
  }
  if (shared > 0) {
    log.warning(format_count(shared) + " of the " + format_count(size) +
                " images that judge are in the training part, too: all that is fitted on it is " +
                "judged too well");
  }
  return shared;
}

}  // namespace

Json count_seen_images(const Judging& judging, Log& log) {
  const DataParts& data = judging.data;
  const SeenImages seen = seen_images(judging.loaded, log);
  const int64_t count = shared_images(*data.test, seen.sets);
  if (count > 0) {
    log.warning("pretraining saw " + format_count(count) + " of the " +
                format_count(data.test->info().size) +
                " images that judge here: the encoder is judged too well");
  }
  bool known = seen.complete;
  for (const auto& set : seen.sets) {
    // Copies of the same images share no place: none shared at all says nothing, but where both are
    // parts of one set.
    known =
        known && (same_path(set->info().path, data.test->info().path) ||
                  shared_images(*data.test, {set}) > 0 || shared_images(*data.train, {set}) > 0);
  }
  return known ? Json(count) : Json();
}

Json describe_judged_data(const Judging& judging, Log& log) {
  const DataConfig& config = judging.config.data;
  return Json::object({{"part", config.evaluate_on},
                       {"test_path", config.test_path},
                       {"split_seed", config.split_seed},
                       {"test_fraction", config.test_fraction},
                       {"val_fraction", config.val_fraction},
                       {"limit", config.limit},
                       {"shared_with_training", count_training_images(judging.data, log)},
                       {"seen_in_pretraining", count_seen_images(judging, log)}});
}

}  // namespace nearfar
