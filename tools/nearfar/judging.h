// What `evaluate` and `embed` share: an encoder, the data to judge it on, and their settings.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "framework/data/open.h"
#include "framework/evaluate/evaluation.h"
#include "framework/evaluate/features.h"
#include "framework/report/report_config.h"
#include "framework/train/encoder_file.h"

namespace nearfar {

/// The keys that judging reads; a run's config.json brings many more.
struct JudgeConfig {
  DataConfig data;
  EvaluationConfig evaluate;
  ReportConfig report;
  std::string device = "auto";
  int64_t threads = 0;

  void describe(Fields& field) {
    field("data", data, "what the encoder is judged on");
    field("evaluate", evaluate, "how it is judged");
    field("report", report, "what `nearfar report` shows of the images");
    field("device", device, {"auto", "cpu", "cuda"}, "where the encoder runs");
    field("threads", threads, int64_t{0}, int64_t{4096}, "threads of the numerics; 0: one a core");
  }
};

struct Judging {
  JudgeConfig config;
  LoadedEncoder loaded;
  DataParts data;          // what is fitted on and what judges
  FeatureOptions options;  // of this encoder's images
  int64_t skipped = 0;     // unreadable images left out of the data so far
};

/// Loads the encoder that words[0] names (a run, a checkpoint, a file), takes settings from its
/// run's config.json (those of its data only where `data` is empty or the same path), then from the
/// other words (key=value) and from `data` and `test` where not empty, opens the data and, where
/// asked, divides it by divide_data(). Throws CheckpointError, ConfigError, DataError (channels
/// that do not fit), EnvironmentError where device=cuda has no GPU. The encoder is on the device of
/// the settings, which are not the run's there: it may be judged on another machine. Must come
/// before any tensor, but with device=cpu.
Judging prepare_judging(const std::vector<std::string>& words, const std::string& encoder_name,
                        const std::string& data, const std::string& test, Log& log,
                        bool divide = true);

/// Features of a part of judging.data. Under data.on_bad_image=skip the part loses the images that
/// cannot be read, which the log says; throws DataError where they are more than
/// data.max_bad_fraction of all parts.
Features readable_features(Judging& judging, std::shared_ptr<const Dataset>& part, Log& log);

/// The run that a path belongs to (itself, or the run of a checkpoint gen-N); empty when there is
/// none.
std::string run_of(const std::string& path);

/// What judging reads of a run's config alone; nothing for an empty path.
std::optional<JudgeConfig> settings_of_run(const std::string& run);

/// Whether two paths name the same file or folder, however they are written.
bool same_path(const std::string& a, const std::string& b);

}  // namespace nearfar
