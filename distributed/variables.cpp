// Variables of the environment, and what is wrong with them.
#include "distributed/variables.h"

#include <stdexcept>

#include "distributed/host_list.h"

namespace nearfar {

bool Variables::has(const std::string& name) const { return !text(name).empty(); }

std::string Variables::text(const std::string& name) const {
  const auto found = environment_.find(name);
  return found == environment_.end() ? "" : found->second;
}

int Variables::number(const std::string& name, int lowest) const {
  if (!has(name)) throw PlacementError(name + ": expected a whole number, but it is not set");
  try {
    const int number = parse_whole(text(name));
    if (number >= lowest) return number;
  } catch (const std::invalid_argument&) {
    // Said below, with the bound.
  }
  throw PlacementError(quote(name) + ": expected a whole number from " + std::to_string(lowest) +
                       " on");
}

int Variables::port(const std::string& name) const {
  try {
    const int port = parse_whole(text(name));
    if (port >= 1 && port <= 65535) return port;
  } catch (const std::invalid_argument&) {
    // Said below, with the bounds.
  }
  throw PlacementError(quote(name) + ": expected a port from 1 to 65535");
}

std::string Variables::quote(const std::string& name) const { return name + "=" + text(name); }

void Variables::check_below(const std::string& rank, const std::string& ranks) const {
  if (number(rank) < number(ranks, 1)) return;
  throw PlacementError(quote(rank) + ", " + quote(ranks) + ": expected a rank below " +
                       text(ranks));
}

void Variables::require(const std::string& who, const std::vector<std::string>& names) const {
  std::string given, missing;
  for (const std::string& name : names) {
    std::string& list = has(name) ? given : missing;
    list += (list.empty() ? "" : ", ") + (has(name) ? quote(name) : name);
  }
  if (missing.empty()) return;
  throw PlacementError(given + ": " + who + " sets " + missing + ", too, but there is none" +
                       " (to run one rank alone, unset these variables)");
}

void take_address(const Variables& variables, Placement& placement) {
  if (variables.has("MASTER_ADDR")) placement.host = variables.text("MASTER_ADDR");
  if (variables.has("MASTER_PORT")) placement.port = variables.port("MASTER_PORT");
}

}  // namespace nearfar
