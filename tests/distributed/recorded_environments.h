// Environments that launchers were seen to give, and what the tests of placements ask of them.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "distributed/placement.h"
#include "tests/paths.h"

namespace nearfar {

/// Variables of a file, with changes: "NAME=value", or "NAME" to take one away.
inline Environment recorded(const std::string& name, const std::vector<std::string>& changes = {}) {
  const std::string path =
      std::string(NEARFAR_SOURCE_DIR) + "/tests/distributed/environments/" + name + ".txt";
  std::ifstream file(path);
  EXPECT_TRUE(file.good()) << path;
  Environment environment;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#') continue;
    environment[line.substr(0, line.find('='))] = line.substr(line.find('=') + 1);
  }
  for (const std::string& change : changes) {
    const size_t equals = change.find('=');
    if (equals == std::string::npos) {
      EXPECT_EQ(environment.erase(change), 1u) << change;
    } else {
      environment[change.substr(0, equals)] = change.substr(equals + 1);
    }
  }
  return environment;
}

/// "rank/ranks local_rank/local_ranks host:port".
inline std::string place(const Placement& p) {
  return std::to_string(p.rank) + "/" + std::to_string(p.ranks) + " " +
         std::to_string(p.local_rank) + "/" + std::to_string(p.local_ranks) + " " + p.host + ":" +
         std::to_string(p.port);
}

inline std::string placed(const Environment& environment) {
  return place(find_placement(environment));
}

/// What find_placement refuses it with; empty where it does not.
inline std::string refusal(const Environment& environment) {
  try {
    find_placement(environment);
  } catch (const PlacementError& error) {
    return error.what();
  }
  return "";
}

/// The environment is refused, and the message holds every part.
inline void expect_refused(const Environment& environment, const std::vector<std::string>& parts) {
  const std::string said = refusal(environment);
  for (const std::string& part : parts) {
    EXPECT_NE(said.find(part), std::string::npos) << "expected " << part << " in: " << said;
  }
}

/// The one note holds the text.
inline void expect_note(const Placement& placement, const std::string& part) {
  ASSERT_EQ(placement.notes.size(), 1u);
  EXPECT_NE(placement.notes[0].find(part), std::string::npos) << placement.notes[0];
}

}  // namespace nearfar
