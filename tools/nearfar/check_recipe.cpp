// `nearfar check-recipe`: holds a recipe to the laws that all recipes obey.
#include <ATen/Parallel.h>

#include <chrono>
#include <sstream>

#include "framework/conformance/law.h"
#include "framework/error.h"
#include "framework/log/clock.h"
#include "framework/log/quantities.h"
#include "framework/log/table.h"
#include "tools/nearfar/commands.h"

namespace nearfar {
namespace {

struct Result {
  const Law* law = nullptr;
  Finding finding;
  double seconds = 0.0;
};

/// The recipe is the first word, the settings are the others.
RunSources recipe_sources(const CheckRecipeArguments& arguments) {
  std::vector<std::string> words = arguments.rest;
  const std::string recipe = words.front();
  words.erase(words.begin());
  RunSources sources = sources_of(words);
  sources.preset = arguments.preset;
  sources.assignments.insert(sources.assignments.begin(), "recipe.name=" + recipe);
  return sources;
}

std::vector<const Law*> chosen_laws(const std::string& only) {
  if (only.empty()) return known_laws();
  std::vector<const Law*> laws;
  std::istringstream names(only);
  for (std::string name; std::getline(names, name, ',');) laws.push_back(&find_law(name));
  return laws;
}

std::vector<Result> ask(const std::vector<const Law*>& laws, const Subject& subject, Log& log) {
  std::vector<Result> results;
  for (const Law* law : laws) {
    const auto start = std::chrono::steady_clock::now();
    const Finding finding = examine(*law, subject);
    results.push_back({law, finding, seconds_since(start)});
    if (finding.verdict != Verdict::broken) continue;
    log.error(std::string(law->name) + ": " + finding.words);
  }
  return results;
}

int64_t count_of(const std::vector<Result>& results, Verdict verdict) {
  int64_t count = 0;
  for (const Result& result : results) count += result.finding.verdict == verdict ? 1 : 0;
  return count;
}

std::string to_table(const std::vector<Result>& results, const Subject& subject) {
  std::string text =
      subject.library.path + (subject.preset.empty() ? "" : ", preset " + subject.preset) + "\n\n";
  Table table({"LAW", "VERDICT", "SECONDS", "WHAT IT SHOWS"});
  std::string reasons;
  for (const Result& result : results) {
    table.add_row({result.law->name, to_text(result.finding.verdict),
                   format_fixed(result.seconds, 1), result.law->shows});
    reasons += std::string(result.law->name) + ": " + result.finding.words + "\n";
  }
  const int64_t broken = count_of(results, Verdict::broken);
  const int64_t silent = count_of(results, Verdict::not_asked);
  return text + table.to_text(TableStyle::plain) + "\n" + reasons + "\n" +
         std::to_string(count_of(results, Verdict::holds)) + " of " +
         std::to_string(results.size()) + " laws hold, " + std::to_string(broken) + " broken" +
         (silent > 0 ? ", " + std::to_string(silent) + " not asked" : "") + "\n";
}

Json to_document(const std::vector<Result>& results, const Subject& subject) {
  Json document = Json::object();
  document["recipe"] = subject.library.plugin->name;
  document["path"] = subject.library.path;
  document["preset"] = subject.preset;
  document["obeys"] = count_of(results, Verdict::broken) == 0;
  Json laws = Json::array();
  for (const Result& result : results) {
    Json law = Json::object();
    law["law"] = result.law->name;
    law["verdict"] = to_text(result.finding.verdict);
    law["reason"] = result.finding.words;
    law["shows"] = result.law->shows;
    law["seconds"] = result.seconds;
    laws.push_back(std::move(law));
  }
  document["laws"] = std::move(laws);
  return document;
}

}  // namespace

int run_check_recipe(const CheckRecipeArguments& arguments, Console& console) {
  const std::vector<const Law*> laws = chosen_laws(arguments.only);
  const Subject subject = make_subject(recipe_sources(arguments));
  at::set_num_threads(1);  // miniatures: threads would wait for each other
  const std::vector<Result> results = ask(laws, subject, console.log());
  console.result(to_table(results, subject), to_document(results, subject));
  return count_of(results, Verdict::broken) == 0 ? 0 : static_cast<int>(ExitCode::plugin);
}

}  // namespace nearfar
