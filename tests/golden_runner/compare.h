// Whether computed tensors equal a golden case's, by the tolerances that the case states.
#pragma once

#include <string>
#include <vector>

#include "tests/golden_runner/case.h"

namespace nearfar::golden {

struct Tolerance {
  double rtol = 0.0;
  double atol = 0.0;
};

/// The tolerance of one tensor of a case: the key of its name; integers and booleans exactly; "grad" for
/// names that start so; "all"; "loss" where a case has loss and grad; else the loosest key that is not
/// about 8-bit images. `rules` is the case's "tolerance" object. Throws ConfigError when it is malformed.
Tolerance tolerance_of(const std::string& name, bool exact_kind, const Json& rules);

/// The worst tensor of a case.
struct Comparison {
  int compared = 0;
  std::string worst;        // its name
  double error = 0.0;       // max |a - b|
  double tolerance = 0.0;   // atol + rtol max |b|
  std::string complaint;    // empty: the case holds
};

/// Compares what was computed under names that the case has. Wrong: a value that is not finite, another
/// shape or kind, an error above the tolerance, nothing to compare, or a missing output. Outputs that
/// must be there: `loss`, `grad.<input>`, and names with a tolerance of their own; not `u8*`.
Comparison compare(const Case& expected, const Json& rules, const Tensors& computed);

}  // namespace nearfar::golden
