// Saves, checks and finds checkpoint generations.
#include "framework/checkpoint/generations.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <stdexcept>

#include "framework/checkpoint/manifest.h"
#include "framework/error.h"

namespace nearfar {
namespace {

constexpr std::string_view kPrefix = "gen-";
/// A valid generation that a newer one of the same step is about to replace: still a generation.
constexpr std::string_view kReplaced = ".old";
constexpr std::string_view kTemporary = ".tmp";
constexpr std::string_view kRemoved = ".removed.tmp";
constexpr int64_t kFewestKept = 2;

/// A folder that by its name is a generation.
struct Candidate {
  int64_t step = 0;
  bool replaced = false;
  std::string path;
};

std::string without_trailing_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

/// gen-N or gen-N.old, N decimal as this program writes it.
std::optional<Candidate> parse_name(const std::string& path) {
  const std::string whole = std::filesystem::path(path).filename().string();
  std::string_view name = whole;
  if (!name.starts_with(kPrefix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  Candidate candidate{0, name.ends_with(kReplaced), path};
  if (candidate.replaced) name.remove_suffix(kReplaced.size());
  const auto [end, error] = std::from_chars(name.begin(), name.end(), candidate.step);
  if (error != std::errc() || end != name.end() || candidate.step < 0 ||
      std::to_string(candidate.step) != name) {
    return std::nullopt;
  }
  return candidate;
}

std::vector<std::string> entries_of(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> paths;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    paths.push_back(entry->path().string());
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    throw EnvironmentError(folder + ": " + error.message());
  }
  return paths;
}

/// Newest first; of one step, the one that is being replaced last.
std::vector<Candidate> candidates_of(const std::string& folder) {
  std::vector<Candidate> candidates;
  for (const std::string& path : entries_of(folder)) {
    if (auto candidate = parse_name(path)) candidates.push_back(*std::move(candidate));
  }
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return a.step != b.step ? a.step > b.step : a.replaced < b.replaced;
  });
  return candidates;
}

bool is_valid(const std::string& path) {
  try {
    load_generation(path);
    return true;
  } catch (const CheckpointError&) {
    return false;
  }
}

/// Renamed first, so that a half-removed one is never taken for a generation.
void discard(FileSystem& files, const std::string& folder, const std::vector<std::string>& paths) {
  if (paths.empty()) return;
  for (const std::string& path : paths) files.rename(path, path + std::string(kRemoved));
  files.sync_directory(folder);
  for (const std::string& path : paths) files.remove_all(path + std::string(kRemoved));
}

void remove_leftovers(FileSystem& files, const std::string& folder) {
  for (const std::string& path : entries_of(folder)) {
    const std::string name = std::filesystem::path(path).filename().string();
    if (name.starts_with(kPrefix) && name.ends_with(kTemporary)) files.remove_all(path);
  }
}

void write_contents(FileSystem& files, const std::string& path, Manifest manifest,
                    const std::vector<GenerationFile>& contents) {
  for (const auto& [name, bytes] : contents) {
    manifest.files.push_back(
        {name, static_cast<int64_t>(bytes.size()), xxh3_hex(bytes.data(), bytes.size())});
  }
  const std::string text = manifest_text(manifest);
  files.make_directories(path);
  for (const auto& [name, bytes] : contents) {
    files.write_durably(path + "/" + name, bytes.data(), bytes.size());
  }
  files.write_durably(path + "/" + kManifestName, text.data(), text.size());
  files.sync_directory(path);
}

/// Gives the written folder its name. A valid generation of the same step stays a generation
/// meanwhile.
void publish(FileSystem& files, const std::string& folder, const std::string& path) {
  const std::string replaced = path + std::string(kReplaced);
  if (std::filesystem::exists(path)) {
    if (is_valid(path)) {
      if (std::filesystem::exists(replaced)) discard(files, folder, {replaced});
      files.rename(path, replaced);
      files.sync_directory(folder);
    } else {
      discard(files, folder, {path});
    }
  }
  files.rename(path + std::string(kTemporary), path);
  files.sync_directory(folder);
}

/// Generations that the saved one and those kept beside it make superfluous.
std::vector<std::string> superseded(const std::string& folder, int64_t step, int64_t keep) {
  int64_t valid = 1;
  std::vector<std::string> paths;
  for (const Candidate& candidate : candidates_of(folder)) {
    if (candidate.step == step) {
      if (candidate.replaced) paths.push_back(candidate.path);
    } else if (valid >= std::max(keep, kFewestKept) && candidate.step < step) {
      paths.push_back(candidate.path);
    } else if (valid < std::max(keep, kFewestKept) && is_valid(candidate.path)) {
      ++valid;
    }
  }
  return paths;
}

void check_contents(const std::string& path, const Manifest& manifest) {
  for (const ManifestFile& expected : manifest.files) {
    const ManifestFile found = hash_file(path, expected.name);
    if (found.size != expected.size) {
      throw CheckpointError(path + "/" + expected.name + ": expected " +
                            std::to_string(expected.size) + " bytes, found " +
                            std::to_string(found.size));
    }
    if (found.xxh3 != expected.xxh3) {
      throw CheckpointError(path + "/" + expected.name + ": expected hash " + expected.xxh3 +
                            ", found " + found.xxh3);
    }
  }
}

}  // namespace

Generation load_generation(const std::string& path) {
  Manifest manifest = read_manifest(path);
  const std::optional<Candidate> name = parse_name(path);
  if (name && name->step != manifest.step) {
    throw CheckpointError(path + "/" + kManifestName + ": step " + std::to_string(manifest.step) +
                          " does not fit the folder's name");
  }
  try {
    check_contents(path, manifest);
  } catch (const DataError& error) {
    throw CheckpointError(error.what());
  }
  return {manifest.step, path, std::move(manifest.state)};
}

Generation save_generation(FileSystem& files, const std::string& folder_as_given, int64_t step,
                           const Json& state, const std::vector<GenerationFile>& contents,
                           int64_t keep) {
  if (step < 0) throw std::invalid_argument("checkpoint: step " + std::to_string(step));
  const std::string folder = without_trailing_slashes(folder_as_given);
  const std::string path = folder + "/" + std::string(kPrefix) + std::to_string(step);
  files.make_directories(folder);
  files.sync_directory(parent_directory(folder));
  remove_leftovers(files, folder);
  try {
    write_contents(files, path + std::string(kTemporary), {step, state, {}}, contents);
    publish(files, folder, path);
  } catch (const EnvironmentError&) {
    try {
      files.remove_all(path + std::string(kTemporary));  // a full disk gets its space back
    } catch (const EnvironmentError&) {
    }
    throw;
  }
  Generation saved;
  try {
    saved = load_generation(path);
  } catch (const CheckpointError& error) {
    throw EnvironmentError(std::string("written, but reads back damaged: ") + error.what());
  }
  discard(files, folder, superseded(folder, step, keep));
  return saved;
}

bool holds_generation(const std::string& folder) {
  return !candidates_of(without_trailing_slashes(folder)).empty();
}

std::optional<Generation> newest_generation(const std::string& folder, Log& log) {
  const std::vector<Candidate> candidates = candidates_of(without_trailing_slashes(folder));
  std::string first_reason;
  for (const Candidate& candidate : candidates) {
    try {
      return load_generation(candidate.path);
    } catch (const CheckpointError& error) {
      log.warning(std::string("damaged checkpoint skipped: ") + error.what());
      if (first_reason.empty()) first_reason = error.what();
    }
  }
  if (candidates.empty()) return std::nullopt;
  throw CheckpointError(folder + ": all " + std::to_string(candidates.size()) +
                        " checkpoints are damaged, the newest: " + first_reason);
}

}  // namespace nearfar
