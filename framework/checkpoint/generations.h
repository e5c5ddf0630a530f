// Checkpoint generations on disk: written beside, made durable, renamed; the newest valid one wins.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "framework/files/file_system.h"
#include "framework/files/safetensors.h"
#include "framework/json/json.h"
#include "framework/log/log.h"

namespace nearfar {

/// A file of a generation: its name and its bytes.
using GenerationFile = std::pair<std::string, std::vector<uint8_t>>;

/// checkpoints/gen-N: files and MANIFEST.json (schema, step, user's state, size and XXH3-128 of
/// each file, a checksum of its own).
struct Generation {
  int64_t step = 0;
  std::string path;
  Json state;  // what the saver gave
};

/// Writes gen-STEP.tmp, fsyncs every file and directory, renames, re-reads and verifies, then
/// removes all but the newest `keep` valid generations (at least 2 are kept). Throws
/// EnvironmentError; whatever was valid before is then still there.
Generation save_generation(FileSystem& files, const std::string& folder, int64_t step,
                           const Json& state, const std::vector<GenerationFile>& contents,
                           int64_t keep);

/// Checks one generation completely. Throws CheckpointError naming the path and what is wrong.
Generation load_generation(const std::string& path);

/// Whether the folder holds a generation by its name, valid or not; leftover .tmp folders are none.
bool holds_generation(const std::string& folder);

/// The newest valid generation, none when the folder holds no generation at all. Damaged ones are
/// logged as warnings and skipped; if all are damaged, CheckpointError. Leftover .tmp folders are
/// ignored.
std::optional<Generation> newest_generation(const std::string& folder, Log& log);

}  // namespace nearfar
