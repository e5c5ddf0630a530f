// The page of a run: one HTML file that needs nothing but a browser.
#pragma once

#include <string>
#include <vector>

#include "framework/json/json.h"
#include "framework/report/embedding_map.h"

namespace nearfar {

/// Everything that a page shows. What is empty or null is left out of it.
struct RunPage {
  std::string name;                      // of the run
  std::string made_by;                   // program and version
  bool finished = false;                 // whether the run has its result
  Json config;                           // resolved settings
  Json defaults;                         // of the same form; null: not known
  Json environment;                      // of environment.json, "origins" by key in it
  std::vector<Json> log;                 // lines of log.jsonl
  Json evaluation;                       // of evaluation.json
  std::vector<std::string> class_names;  // of map and neighbours
  std::string images;                    // what map and neighbours show, in words
  EmbeddingMap map;
  NeighborPart neighbors;
  Picture views;
  std::vector<std::string> remarks;  // what is missing and why
};

/// The whole document. All text that comes from the run is escaped, and the page's policy allows
/// no script but its own, by hash, and no network. Throws ConfigError for an evaluation of another
/// form than evaluate()'s.
std::string to_html(const RunPage& page);

/// What to_html shows, in numbers: {"sections", "curves", "settings", "changed_settings", "points",
/// "neighbor_rows", "remarks"}.
Json page_summary(const RunPage& page);

}  // namespace nearfar
