// A .csv or .tsv list of image files as a data set.
#pragma once

#include <string>

#include "framework/data/open.h"

namespace nearfar {

/// Opens a list by RFC 4180, commas in .csv and tabs in .tsv. Its first line names the columns:
///   path      a file, relative to the list's folder or absolute; every one once
///   label     a class by any name; empty: none. Classes are the different names in natural order
///   target, target_NAME...   real numbers
///   split     train (or empty), val or test; without a test part, val is taken for one
/// Other columns are left out, which the log says. Whether files exist is checked at once, whether
/// they can be read when they are. `name` is for DatasetInfo. Throws DataError "LIST:LINE: what".
DataParts open_image_list(const std::string& path, const std::string& name, int64_t max_pixels,
                          Log& log);

}  // namespace nearfar
