// Opening a library where it can do no harm.
#pragma once

#include <string>

namespace nearfar {

/// Opens a library in a child process, where the constructors of its static objects run, and says
/// what goes wrong there: what they throw, the signal or the exit that ends the process, what the
/// loader says. Empty: nothing. What leaves such a constructor cannot be caught around dlopen: it
/// ends the process.
std::string trial_opening(const std::string& path);

}  // namespace nearfar
