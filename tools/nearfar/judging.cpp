// Encoder, data and settings for judging.
#include "tools/nearfar/judging.h"

#include <ATen/Parallel.h>

#include <filesystem>

#include "framework/config/settings.h"
#include "framework/data/loader.h"
#include "framework/error.h"
#include "framework/files/file_system.h"
#include "framework/train/device.h"
#include "framework/train/run_folder.h"
#include "tools/nearfar/commands.h"

namespace nearfar {
namespace fs = std::filesystem;
namespace {

/// The members of a run's config that judging reads.
Json judging_part(const Json& config) {
  Json part = Json::object();
  for (const char* name : {"data", "evaluate", "report", "threads"}) {
    if (const Json* value = config.find(name)) part[name] = *value;
  }
  return part;
}

JudgeConfig read_settings(const std::vector<std::string>& words, const std::string& data,
                          const std::string& test) {
  RunSources sources = sources_of({words.begin() + 1, words.end()});
  const std::string run = run_of(words.front());
  if (!run.empty()) {
    const std::string path = RunFolder{run}.config();
    sources.files.insert(sources.files.begin(),
                         {judging_part(parse_json(read_text(path), path)), "run " + run});
  }
  if (!data.empty()) {
    sources.assignments.insert(sources.assignments.end(),
                               {"data.path=" + data, "data.format=auto", "data.test_path="});
  }
  if (!test.empty()) sources.assignments.push_back("data.test_path=" + test);
  JudgeConfig config;
  merge_sources(sources, Json::object(), "").apply([&config](Fields& f) { config.describe(f); });
  return config;
}

void check_channels(const LoadedEncoder& loaded, const Dataset& data) {
  if (loaded.channels == data.info().channels) return;
  throw DataError(data.info().path + ": images with " + std::to_string(data.info().channels) +
                  " channels, but the encoder of " + loaded.source + " wants " +
                  std::to_string(loaded.channels));
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

Judging prepare_judging(const std::vector<std::string>& words, const std::string& encoder_name,
                        const std::string& data, const std::string& test, Log& log) {
  Judging judging;
  judging.config = read_settings(words, data, test);
  JudgeConfig& config = judging.config;
  if (config.threads == 0) config.threads = available_cores();
  at::set_num_threads(static_cast<int>(config.threads));
  judging.loaded = load_encoder(words.front(), encoder_name, log);
  if (config.data.path.empty()) {
    throw ConfigError("data.path: " + judging.loaded.source +
                      " belongs to no run; add --data PATH");
  }
  judging.data = open_data(config.data, log);
  check_channels(judging.loaded, *judging.data.train);
  judging.options.image_size = judging.loaded.image_size;
  judging.options.normalize = judging.loaded.normalize;
  judging.options.workers = resolve_workers(config.data.workers);
  return judging;
}

}  // namespace nearfar
