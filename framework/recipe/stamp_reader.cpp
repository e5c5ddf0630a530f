// A bounds-checked walk over the section headers of an ELF file.
#include "framework/recipe/stamp_reader.h"

#include <elf.h>

#include <cstring>
#include <map>
#include <optional>
#include <sstream>
#include <vector>

#include "framework/error.h"
#include "framework/files/file_system.h"
#include "framework/recipe/package.h"
#include "framework/recipe/stamp.h"
#include "nearfar/cuda_version.h"

namespace nearfar {
namespace {

constexpr uint64_t kLargestLibrary = uint64_t{1} << 32;

template <typename Struct>
std::optional<Struct> read_at(const std::vector<uint8_t>& bytes, uint64_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(Struct)) return std::nullopt;
  Struct value;
  std::memcpy(&value, bytes.data() + offset, sizeof(Struct));
  return value;
}

std::vector<Elf64_Shdr> section_headers(const std::vector<uint8_t>& bytes, const Elf64_Ehdr& file) {
  std::vector<Elf64_Shdr> sections;
  for (int i = 0; i < file.e_shnum; ++i) {
    const auto section = read_at<Elf64_Shdr>(
        bytes, file.e_shoff + uint64_t{sizeof(Elf64_Shdr)} * static_cast<uint64_t>(i));
    if (!section) break;
    sections.push_back(*section);
  }
  return sections;
}

bool has_name(const std::vector<uint8_t>& bytes, const Elf64_Shdr& names, const Elf64_Shdr& section,
              std::string_view wanted) {
  const uint64_t begin = names.sh_offset + section.sh_name;
  return begin >= names.sh_offset && begin < bytes.size() && bytes.size() - begin > wanted.size() &&
         std::memcmp(bytes.data() + begin, wanted.data(), wanted.size()) == 0 &&
         bytes[begin + wanted.size()] == 0;
}

std::map<std::string, std::string> entries(const std::string& stamp) {
  std::map<std::string, std::string> result;
  std::istringstream stream(stamp);
  for (std::string entry; std::getline(stream, entry, ';');) {
    const size_t equals = entry.find('=');
    if (equals != std::string::npos) result[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  return result;
}

/// The note in the section of that name, or nothing.
std::optional<std::string> note_in(const std::vector<uint8_t>& bytes, const Elf64_Ehdr& file,
                                   std::string_view name) {
  const std::vector<Elf64_Shdr> sections = section_headers(bytes, file);
  if (file.e_shstrndx >= sections.size()) return std::nullopt;
  for (const Elf64_Shdr& section : sections) {
    if (!has_name(bytes, sections[file.e_shstrndx], section, name)) continue;
    const auto note = read_at<StampNote>(bytes, section.sh_offset);
    if (!note || std::memcmp(note->name, "nearfar", 8) != 0) continue;
    const auto& text = note->description;
    return std::string(text.data(), strnlen(text.data(), text.size()));
  }
  return std::nullopt;
}

}  // namespace

std::string read_stamp(const std::string& path) {
  std::vector<uint8_t> bytes;
  try {
    bytes = read_file(path, kLargestLibrary);
  } catch (const DataError& error) {
    throw PluginError(error.what());
  }
  const auto file = read_at<Elf64_Ehdr>(bytes, 0);
  if (!file || std::memcmp(file->e_ident, ELFMAG, SELFMAG) != 0 ||
      file->e_ident[EI_CLASS] != ELFCLASS64 || file->e_type != ET_DYN ||
      file->e_shentsize != sizeof(Elf64_Shdr)) {
    throw PluginError(path + ": expected a 64-bit ELF library built by nearfar_add_recipe");
  }
  const auto stamp = note_in(bytes, *file, ".note.nearfar");
  if (!stamp) {
    throw PluginError(path +
                      ": no nearfar stamp in it; a recipe library ends with NEARFAR_RECIPE(...)");
  }
  const auto cuda = note_in(bytes, *file, ".note.nearfar_cuda");
  return cuda ? *stamp + ";" + *cuda : *stamp;
}

std::string program_stamp() { return NEARFAR_STAMP ";cuda=" NEARFAR_CUDA_VERSION; }

std::string stamp_entry(const std::string& stamp, const std::string& key) {
  const auto found = entries(stamp);
  const auto entry = found.find(key);
  return entry == found.end() ? "" : entry->second;
}

void check_stamp(const std::string& path, const std::string& theirs, const std::string& ours) {
  std::string differences;
  for (const auto& [key, expected] : entries(ours)) {
    const std::string actual = stamp_entry(theirs, key);
    if (actual == expected || (key == "cuda" && actual.empty())) continue;
    differences += (differences.empty() ? "" : "; ") + key + ": this program has " + expected +
                   ", the library " + (actual.empty() ? "nothing" : actual);
  }
  if (!differences.empty()) {
    throw PluginError(path + ": built for another program (" + differences +
                      "); rebuild it against this nearfar: cmake -B BUILD -Dnearfar_DIR=" +
                      package_folder() + " && cmake --build BUILD");
  }
}

}  // namespace nearfar
