// The environment of one process, read with errors that name the variables.
#pragma once

#include <string>
#include <vector>

#include "distributed/placement.h"

namespace nearfar {

/// The variables of one process, read with errors that name them.
class Variables {
 public:
  explicit Variables(const Environment& environment) : environment_(environment) {}
  /// Set and not empty.
  bool has(const std::string& name) const;
  /// The value; empty where there is none.
  std::string text(const std::string& name) const;
  /// A whole number from `lowest` on. Throws PlacementError, also where there is none.
  int number(const std::string& name, int lowest = 0) const;
  int port(const std::string& name) const;
  /// "NAME=value", for messages.
  std::string quote(const std::string& name) const;
  /// Throws PlacementError unless number(rank) < number(ranks).
  void check_below(const std::string& rank, const std::string& ranks) const;
  /// Throws PlacementError unless all are there; `who` sets them together.
  void require(const std::string& who, const std::vector<std::string>& names) const;

 private:
  const Environment& environment_;
};

/// MASTER_ADDR and MASTER_PORT, where somebody set them.
void take_address(const Variables& variables, Placement& placement);

}  // namespace nearfar
