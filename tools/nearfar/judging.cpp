// Encoder, data and settings for judging.
#include "tools/nearfar/judging.h"

#include <ATen/Parallel.h>

#include <filesystem>
#include <set>

#include "framework/config/settings.h"
#include "framework/data/bad_share.h"
#include "framework/data/loader.h"
#include "framework/data/split.h"
#include "framework/data/statistics.h"
#include "framework/data/subset.h"
#include "framework/error.h"
#include "framework/files/file_system.h"
#include "framework/log/quantities.h"
#include "framework/train/device.h"
#include "framework/train/run_folder.h"
#include "tools/nearfar/commands.h"

namespace nearfar {
namespace fs = std::filesystem;
namespace {

/// The members of a run's config that judging reads.
Json judging_part(const std::string& run) {
  const std::string path = RunFolder{run}.config();
  const Json config = parse_json(read_text(path), path);
  Json part = Json::object();
  for (const char* name : {"data", "evaluate", "report", "threads"}) {
    if (const Json* value = config.find(name)) part[name] = *value;
  }
  return part;
}

/// How the run's data was opened and divided says nothing of other data; how images are read does.
void forget_data(Json& part) {
  Json kept = Json::object();
  for (const char* name : {"on_bad_image", "max_bad_fraction", "max_pixels", "workers"}) {
    const Json* data = part.find("data");
    const Json* value = data == nullptr ? nullptr : data->find(name);
    if (value != nullptr) kept[name] = *value;
  }
  part["data"] = std::move(kept);
}

JudgeConfig apply(const RunSources& sources) {
  JudgeConfig config;
  merge_sources(sources, Json::object(), "").apply([&config](Fields& f) { config.describe(f); });
  return config;
}

JudgeConfig read_settings(const std::vector<std::string>& words, const std::string& data,
                          const std::string& test) {
  RunSources sources = sources_of({words.begin() + 1, words.end()});
  const std::string run = run_of(words.front());
  if (const std::optional<JudgeConfig> own = settings_of_run(run)) {
    Json part = judging_part(run);
    if (!data.empty() && !same_path(data, own->data.path)) forget_data(part);
    sources.files.insert(sources.files.begin(), {std::move(part), "run " + run});
  }
  if (!data.empty()) sources.assignments.push_back("data.path=" + data);
  if (!test.empty()) sources.assignments.push_back("data.test_path=" + test);
  return apply(sources);
}

void check_channels(const LoadedEncoder& loaded, const Dataset& data) {
  if (loaded.channels == data.info().channels) return;
  throw DataError(data.info().path + ": images with " + std::to_string(data.info().channels) +
                  " channels, but the encoder of " + loaded.source + " wants " +
                  std::to_string(loaded.channels));
}

/// The images that the encoder wants, but for what the settings say.
FeatureOptions feature_options(JudgeConfig& config, const LoadedEncoder& loaded,
                               const Dataset& data) {
  const Normalize& own = loaded.normalize;
  if (config.data.mean.empty()) {
    config.data.mean.assign(own.mean.begin(), own.mean.begin() + loaded.channels);
  }
  if (config.data.std.empty()) {
    config.data.std.assign(own.std.begin(), own.std.begin() + loaded.channels);
  }
  FeatureOptions options;
  options.image_size =
      config.evaluate.image_size > 0 ? config.evaluate.image_size : loaded.image_size;
  options.normalize = resolve_normalize(config.data, data);
  options.workers = resolve_workers(config.data.workers, available_cores());
  options.leave_out_bad_images = config.data.on_bad_image == "skip";
  return options;
}

}  // namespace

std::string run_of(const std::string& path) {
  if (RunFolder{path}.holds_run()) return path;
  fs::path folder = fs::absolute(path).lexically_normal();
  for (int level = 0; level < 3; ++level) {
    folder = folder.parent_path();
    if (RunFolder{folder.string()}.holds_run()) return folder.string();
  }
  return "";
}

std::optional<JudgeConfig> settings_of_run(const std::string& run) {
  if (run.empty()) return std::nullopt;
  RunSources sources;
  sources.environment = false;
  sources.files.emplace_back(judging_part(run), "run " + run);
  return apply(sources);
}

bool same_path(const std::string& a, const std::string& b) {
  std::error_code unknown;
  return fs::weakly_canonical(a, unknown) == fs::weakly_canonical(b, unknown);
}

Judging prepare_judging(const std::vector<std::string>& words, const std::string& encoder_name,
                        const std::string& data, const std::string& test, Log& log, bool divide) {
  Judging judging;
  judging.config = read_settings(words, data, test);
  JudgeConfig& config = judging.config;
  config.device = resolve_device(config.device);
  if (config.device == "cuda") open_cuda();  // before any tensor exists
  if (config.threads == 0) config.threads = available_cores();
  at::set_num_threads(static_cast<int>(config.threads));
  judging.loaded = load_encoder(words.front(), encoder_name, log);
  judging.loaded.encoder->to(at::Device(config.device));
  if (config.data.path.empty()) {
    throw ConfigError("data.path: " + judging.loaded.source +
                      " belongs to no run; add --data PATH");
  }
  judging.data = open_data(config.data, log);
  if (divide) judging.data = divide_data(judging.data, config.data, log);
  check_channels(judging.loaded, *judging.data.train);
  judging.options = feature_options(config, judging.loaded, *judging.data.train);
  return judging;
}

Features readable_features(Judging& judging, std::shared_ptr<const Dataset>& part, Log& log) {
  Features rows = extract_features(*judging.loaded.encoder, *part, judging.options);
  if (rows.bad.empty()) return rows;
  // Under evaluate_on=val the val part is the test part.
  const std::set<std::shared_ptr<const Dataset>> parts{judging.data.train, judging.data.val,
                                                       judging.data.test};
  int64_t all = judging.skipped;
  for (const auto& data : parts) all += data == nullptr ? 0 : data->info().size;
  const auto bad = static_cast<int64_t>(rows.bad.size());
  const std::string& first = rows.bad.begin()->second;
  log.warning("data: " + format_count(bad) + " of " + format_count(part->info().size) +
              " images are unreadable and left out; first: " + first);
  judging.skipped += bad;
  require_few_bad(judging.skipped, all, judging.config.data.max_bad_fraction, first);
  part = subset(part, rows.positions);
  return rows;
}

}  // namespace nearfar
