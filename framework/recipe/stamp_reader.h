// Reads the stamp of a recipe library without running any of its code.
#pragma once

#include <string>

namespace nearfar {

/// The stamp in the .note.nearfar section of an ELF file, with the CUDA version of
/// .note.nearfar_cuda where the library holds CUDA code. Throws PluginError "PATH: what" for a file
/// that is missing, not an x86-64 or AArch64 ELF library, or has no stamp.
std::string read_stamp(const std::string& path);

/// What this program expects of a library.
std::string program_stamp();

/// The value of one entry of a stamp; empty where it has none.
std::string stamp_entry(const std::string& stamp, const std::string& key);

/// Throws PluginError naming every entry that differs, with both values and how to rebuild. CUDA
/// versions are compared where the library has one.
void check_stamp(const std::string& path, const std::string& theirs, const std::string& ours);

}  // namespace nearfar
