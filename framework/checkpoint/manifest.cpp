// Writes and checks MANIFEST.json.
#include "framework/checkpoint/manifest.h"

#include <xxhash.h>

#include <cerrno>
#include <fstream>
#include <memory>
#include <set>
#include <stdexcept>
#include <system_error>

#include "framework/error.h"
#include "framework/files/file_system.h"
#include "nearfar/version.h"

namespace nearfar {
namespace {

constexpr int64_t kSchema = 1;
constexpr JsonLimits kLimits{size_t{1} << 26, 64};

std::string to_hex(XXH128_hash_t hash) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, hash);
  std::string text;
  for (const unsigned char byte : canonical.digest) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

bool is_plain_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name != kManifestName &&
         name.find('/') == std::string::npos && name.find('\0') == std::string::npos;
}

/// The name of a file that has no business in a manifest, or null.
const std::string* wrong_name(const Manifest& manifest) {
  std::set<std::string> seen;
  for (const ManifestFile& file : manifest.files) {
    if (!is_plain_name(file.name) || !seen.insert(file.name).second) return &file.name;
  }
  return nullptr;
}

/// Members other than "checksum", on one line: the text that is hashed.
std::string checksum_of(const Json& manifest) {
  std::vector<Json::Member> members;
  for (const Json::Member& member : manifest.members()) {
    if (member.first != "checksum") members.push_back(member);
  }
  const std::string text = to_text(Json::object(std::move(members)), -1);
  return xxh3_hex(text.data(), text.size());
}

Manifest parse_manifest(const std::string& text, const std::string& path) {
  const Json json = parse_json(text, path, kLimits);
  const int64_t schema = json.at("schema").as_int();
  if (schema != kSchema) {
    throw CheckpointError(path + ": schema " + std::to_string(schema) + ", this program reads " +
                          std::to_string(kSchema));
  }
  const std::string checksum = checksum_of(json);
  if (json.at("checksum").as_string() != checksum) {
    throw CheckpointError(path + ": checksum is " + json.at("checksum").as_string() +
                          ", its contents give " + checksum);
  }
  Manifest manifest{json.at("step").as_int(), json.at("state"), {}};
  for (const Json& file : json.at("files").items()) {
    manifest.files.push_back(
        {file.at("name").as_string(), file.at("size").as_int(), file.at("xxh3").as_string()});
  }
  if (const std::string* name = wrong_name(manifest)) {
    throw CheckpointError(path + ": \"" + *name + "\" is not a plain, unique file name");
  }
  return manifest;
}

}  // namespace

std::string xxh3_hex(const void* bytes, size_t size) { return to_hex(XXH3_128bits(bytes, size)); }

ManifestFile hash_file(const std::string& folder, const std::string& name) {
  const std::string path = folder + "/" + name;
  std::ifstream file(path, std::ios::binary);
  if (!file) throw DataError(path + ": " + std::generic_category().message(errno));
  const std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> hash(XXH3_createState(),
                                                                             XXH3_freeState);
  XXH3_128bits_reset(hash.get());
  std::vector<char> piece(size_t{1} << 20);
  int64_t size = 0;
  while (file) {
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    XXH3_128bits_update(hash.get(), piece.data(), static_cast<size_t>(file.gcount()));
    size += file.gcount();
  }
  if (file.bad()) throw DataError(path + ": cannot be read");
  return {name, size, to_hex(XXH3_128bits_digest(hash.get()))};
}

std::string manifest_text(const Manifest& manifest) {
  if (const std::string* name = wrong_name(manifest)) {
    throw std::invalid_argument("checkpoint: \"" + *name + "\" is not a plain, unique file name");
  }
  Json files = Json::array();
  for (const ManifestFile& file : manifest.files) {
    files.push_back(Json::object(
        {{"name", Json(file.name)}, {"size", Json(file.size)}, {"xxh3", Json(file.xxh3)}}));
  }
  Json json = Json::object({{"schema", Json(kSchema)},
                            {"nearfar", Json(NEARFAR_VERSION)},
                            {"step", Json(manifest.step)},
                            {"state", manifest.state},
                            {"files", std::move(files)}});
  json["checksum"] = Json(checksum_of(json));
  return to_text(json) + "\n";
}

Manifest read_manifest(const std::string& folder) {
  const std::string path = folder + "/" + kManifestName;
  try {
    return parse_manifest(read_text(path), path);
  } catch (const Error& error) {
    throw CheckpointError(error.what());
  }
}

}  // namespace nearfar
