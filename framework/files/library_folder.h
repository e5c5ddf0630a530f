// Where nearfar's own code lies.
#pragma once

#include <string>

namespace nearfar {

/// The folder that libnearfar.so lies in, or the program where it is linked in; symbolic links are
/// followed. Throws EnvironmentError where the file cannot be told or is gone.
std::string library_folder();

}  // namespace nearfar
