// The two views of a preset.
#include "augment/two_views.h"

#include <stdexcept>

namespace nearfar {

TwoViews::TwoViews(const std::string& preset) : policy(preset) {
  const ViewPreset* found = find_view_preset(preset);
  if (found == nullptr) {
    throw std::invalid_argument("TwoViews: there is no view preset \"" + preset + "\"");
  }
  first = found->views.front();
  second = found->views.size() > 1 ? found->views[1] : first;
}

}  // namespace nearfar
