// MANIFEST.json: what a checkpoint generation holds, with a hash of every file and of itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "framework/json/json.h"

namespace nearfar {

struct ManifestFile {
  std::string name;
  int64_t size = 0;
  std::string xxh3;  // XXH3-128 of the bytes, 32 hexadecimal digits, canonical (big-endian) order
};

struct Manifest {
  int64_t step = 0;
  Json state;
  std::vector<ManifestFile> files;
};

inline constexpr const char* kManifestName = "MANIFEST.json";

/// XXH3-128 (https://github.com/Cyan4973/xxHash) as in ManifestFile.
std::string xxh3_hex(const void* bytes, size_t size);

/// Size and hash of a file, read in pieces. Throws DataError naming the path.
ManifestFile hash_file(const std::string& folder, const std::string& name);

/// JSON with "schema": 1, the writing program's version, and "checksum" over the one-line text of
/// all other members. Throws std::invalid_argument for a file name that is not a plain, unique
/// name.
std::string manifest_text(const Manifest& manifest);

/// Reads and checks FOLDER/MANIFEST.json. Throws CheckpointError naming the file and what is wrong.
Manifest read_manifest(const std::string& folder);

}  // namespace nearfar
