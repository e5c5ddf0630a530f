// Which of several settings a judge takes: the step that must never see the test set.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace nearfar {

/// From the held-out top-1 of every setting to the position of the one that is taken. This is all
/// that a choice is given, so a choice by the test set has to bring that in from outside.
using Choose = std::function<size_t(const std::vector<double>& held_out)>;

/// The best one, the first of equals. Precondition: not empty.
size_t best_held_out(const std::vector<double>& held_out);

}  // namespace nearfar
