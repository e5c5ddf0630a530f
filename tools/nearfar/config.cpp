// `nearfar config`.
#include "framework/config/listing.h"
#include "framework/config/settings.h"
#include "framework/log/table.h"
#include "framework/recipe/library.h"
#include "tools/nearfar/commands.h"

namespace nearfar {
namespace {

/// The recipe of the sources, or simclr where they name none.
RecipeLibrary library_of(const RunSources& sources) {
  const Settings settings = merge_sources(sources, Json::object(), "");
  return settings.find("recipe.name") == nullptr ? open_recipe("simclr") : recipe_of(sources);
}

std::string with_origins(const Settings& settings, const Describe& describe) {
  Table table({"KEY", "VALUE", "ORIGIN"});
  for (const KeyInfo& key : list_keys(describe)) {
    table.add_row({key.key, key.value, settings.origin(key.key)});
  }
  return table.to_text(TableStyle::plain);
}

Json origins_document(const Settings& settings, const Describe& describe) {
  Json document = Json::object();
  for (const KeyInfo& key : list_keys(describe)) {
    Json entry = Json::object();
    entry["value"] = parse_json(key.value, key.key);
    entry["origin"] = settings.origin(key.key);
    document[key.key] = std::move(entry);
  }
  return document;
}

}  // namespace

Json key_documents(const Describe& describe, const std::string& prefix) {
  Json document = Json::array();
  for (const KeyInfo& key : list_keys(describe, prefix)) {
    Json entry = Json::object();
    entry["key"] = key.key;
    entry["type"] = key.type;
    entry["range"] = key.range;
    entry["default"] = parse_json(key.value, key.key);
    entry["help"] = key.help;
    document.push_back(std::move(entry));
  }
  return document;
}

namespace {

int show_keys(const ConfigArguments& arguments, Console& console) {
  const std::string prefix = arguments.rest.empty() ? "" : arguments.rest.front();
  RunConfig config =
      make_run_config(*open_recipe(arguments.recipe.empty() ? "simclr" : arguments.recipe).plugin);
  const Describe describe = [&config](Fields& field) { config.describe(field); };
  const Json document = key_documents(describe, prefix);
  if (document.items().empty())
    throw ConfigError("config keys: no key begins with \"" + prefix + "\"");
  console.result(to_listing(describe, prefix), document);
  return 0;
}

}  // namespace

int run_config(const ConfigArguments& arguments, Console& console) {
  if (arguments.action == "keys") return show_keys(arguments, console);
  RunSources sources = sources_of(arguments.rest);
  if (!arguments.recipe.empty()) sources.assignments.push_back("recipe.name=" + arguments.recipe);
  const RecipeLibrary library = library_of(sources);
  RunConfig config = make_run_config(*library.plugin);
  const Describe describe = [&config](Fields& field) { config.describe(field); };
  if (arguments.action == "schema") {
    const Json schema = to_schema(describe, std::string("nearfar ") + library.plugin->name);
    console.result(to_text(schema) + "\n", schema);
    return 0;
  }
  const Settings given = merge_sources(sources, Json::object(), "");
  given.apply(describe);
  const Settings settings = given.completed(describe);
  const Json document = to_json(describe);
  if (arguments.action == "check") {
    console.result("ok: every key is known and every value is in its range\n", document);
  } else if (arguments.origin) {
    console.result(with_origins(settings, describe), origins_document(settings, describe));
  } else {
    console.result(to_text(document) + "\n", document);
  }
  return 0;
}

}  // namespace nearfar
