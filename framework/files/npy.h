// Reads .npy files (numpy/lib/format.py, format versions 1.0, 2.0 and 3.0), strictly and without
// evaluating anything.
#pragma once

#include <string>

#include "framework/files/safetensors.h"

namespace nearfar {

/// An array in C order and little-endian bytes, its type named as in safetensors (U8, I64, F32,
/// ...). All sizes are held against the file's before memory is taken. Throws DataError "PATH:
/// what" for a damaged file, one in Fortran order, and types other than bool, integers and floats.
RawTensor read_npy(const std::string& path);

}  // namespace nearfar
