// Command lines that do not parse, in words.
#include "tools/nearfar/argument_errors.h"

#include <CLI/CLI.hpp>

#include "framework/config/settings.h"

namespace nearfar {
namespace {

std::string unknown_option(const CLI::App& app, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) names.push_back(option->get_name());
  const std::string near = nearest_name(word, names);
  return "error: " + word + ": unknown option of nearfar " + app.get_name() +
         (near.empty() ? "" : "; did you mean " + near + "?") + "\n";
}

}  // namespace

std::string unknown_command(const std::string& word, const std::vector<std::string>& commands) {
  const std::string near = nearest_name(word, commands);
  return "error: " + word + ": unknown command" +
         (near.empty() ? "" : "; did you mean \"" + near + "\"?") + " (see nearfar --help)\n";
}

void check_alone(const CLI::App& command) {
  const CLI::Option* policy = command.get_option_no_throw("--policy");
  if (policy == nullptr || policy->count() == 0 || policy->as<std::string>() != "list") return;
  for (const CLI::Option* option : command.get_options()) {
    const std::string name = option->get_name();
    const bool fits = name == "--policy" || name == "WHAT" || name == "--json" ||
                      name == "--quiet" || name == "--no-color";
    if (option->count() > 0 && !fits) throw CLI::ExcludesError("--policy list", name);
  }
}

std::string explain(const CLI::App& app, const CLI::ParseError& error) {
  const auto used = app.get_subcommands();
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr && !used.empty()) {
    const std::vector<std::string> left = app.remaining(true);
    if (!left.empty()) return unknown_option(*used.front(), left.front());
  }
  return "error: " + std::string(error.what()) + " (see nearfar " +
         (used.empty() ? "" : used.front()->get_name() + " ") + "--help)\n";
}

}  // namespace nearfar
