// Reads the stamp of a recipe library without running any of its code.
#pragma once

#include <string>

namespace nearfar {

/// The stamp in the .note.nearfar section of an ELF file. Throws PluginError "PATH: what" for a
/// file that is missing, not an x86-64 or AArch64 ELF library, or has no stamp.
std::string read_stamp(const std::string& path);

/// Throws PluginError naming every entry that differs, with both values and how to rebuild.
void check_stamp(const std::string& path, const std::string& theirs, const std::string& ours);

}  // namespace nearfar
