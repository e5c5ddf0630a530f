// Runs the cases of a folder of golden values and reports each on a line.
#pragma once

#include <iosfwd>
#include <string>

#include "tests/golden_runner/case.h"
#include "tests/golden_runner/name_lists.h"

namespace nearfar::golden {

struct RunOptions {
  std::string folder;  // holds index.json
  std::string only;    // a family or an operation; empty: all
  std::string dump;    // computed tensors go to DUMP/<family>/<case>.safetensors; empty: nowhere
};

struct Counts {
  int ok = 0;
  int wrong = 0;
  int unsupported = 0;
};

/// Prints "family/case  operation  error / tolerance (tensor)  ok|FAIL|unsupported" for each case
/// and, as operation "names", each name list; then "N ok, N wrong, N unsupported". Throws DataError
/// or ConfigError when the folder cannot be read.
Counts run(const RunOptions& options, const Operations& operations, const NameCheck& check_names,
           std::ostream& output);

}  // namespace nearfar::golden
