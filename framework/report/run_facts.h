// The few numbers that a reader of a run looks for first.
#pragma once

#include <string>
#include <vector>

#include "framework/report/run_page.h"

namespace nearfar {

struct Fact {
  std::string name, value, note;
};

/// Headlines of the evaluation with all labels, loss, steps, speed, time and data: what is known of
/// them.
std::vector<Fact> run_facts(const RunPage& page);

/// "simclr, tiny, fashion-mnist": method, encoder and data in one line.
std::string run_subtitle(const RunPage& page);

}  // namespace nearfar
