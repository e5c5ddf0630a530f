// A contact sheet as data: what was drawn, and where it stands on the sheet.
#pragma once

#include <vector>

#include "framework/data/contact_sheet.h"
#include "framework/json/json.h"

namespace nearfar {

/// {"rows": N, "zoom": Z, "colors": ["#d55e00", ...], "images": [...], "draws": [...], "cells":
/// [...]}. An image has index, place, height, width and the boxes of its originals on the sheet,
/// or a problem. "draws" and "cells" have one member a policy: a document like draws.json, whose
/// "image" counts the rows of the sheet, and for each of its views the words and pixels on the
/// sheet.
Json sheet_document(const ContactSheet& sheet, const std::vector<ViewPolicy>& policies);

}  // namespace nearfar
