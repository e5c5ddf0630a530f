// The published policies as a table and as data.
#include "tools/nearfar/policy_list.h"

#include "augment/view_presets.h"
#include "framework/config/settings.h"
#include "framework/log/table.h"

namespace nearfar {

void list_policies(Console& console) {
  Json document = Json::array();
  Table table({"POLICY", "VIEWS", "SUMMARY", "SOURCE"});
  for (const ViewPreset& preset : view_presets()) {
    table.add_row(
        {preset.name, std::to_string(preset.views.size()), preset.summary, preset.source});
    Json entry = Json::object();
    entry["name"] = preset.name;
    entry["summary"] = preset.summary;
    entry["source"] = preset.source;
    entry["differs"] = preset.differs;
    entry["views"] = Json::array();
    for (ViewPolicy policy : preset.views) {
      entry["views"].push_back(to_json([&policy](Fields& field) { policy.describe(field); }));
    }
    document.push_back(std::move(entry));
  }
  console.result(table.to_text(TableStyle::plain), document);
}

}  // namespace nearfar
