// Some of a set's classes: what is learned and judged where the others are not to be seen.
#pragma once

#include <string>
#include <vector>

#include "framework/data/open.h"

namespace nearfar {

/// The images of `parts` whose class is one of `wanted`, names or numbers as the set counts them (a
/// name wins where a set has numbers for names in another order). Classes are then numbered from 0
/// in the order in which the set numbers them, and keep their names; images without a label are
/// left out. All parts where `wanted` is empty. A val or test part without such an image is null.
/// Says in the log what is left. Throws ConfigError (data.classes) for an unknown or repeated class
/// and for a set without labels, DataError where no training image is left.
DataParts choose_classes(const DataParts& parts, const std::vector<std::string>& wanted, Log& log);

}  // namespace nearfar
