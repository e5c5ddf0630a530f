// Lists the published policies.
#pragma once

#include "tools/nearfar/console.h"

namespace nearfar {

/// With their sources and what they do otherwise than the released code.
void list_policies(Console& console);

}  // namespace nearfar
