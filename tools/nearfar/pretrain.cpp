// `nearfar pretrain`.
#include "framework/train/pretrain.h"

#include <cmath>

#include "framework/error.h"
#include "framework/log/quantities.h"
#include "framework/train/replay.h"
#include "tools/nearfar/commands.h"

namespace nearfar {
namespace {

Json to_document(const PretrainResult& result) {
  Json document = Json::object();
  document["folder"] = result.folder.path;
  document["step"] = result.step;
  document["total_steps"] = result.total_steps;
  document["finished"] = result.step == result.total_steps;
  document["loss"] = result.loss;
  document["images_per_second"] = result.images_per_second;
  return document;
}

std::string to_words(const PretrainResult& result) {
  const std::string& folder = result.folder.path;
  if (result.already_finished) {
    return folder + ": this run is finished (" + format_count(result.step) + " steps)\n" +
           "next: nearfar evaluate " + folder + "\n";
  }
  if (result.stopped) {
    return "stopped and saved after step " + format_count(result.step) + "\n" +
           "to go on: nearfar pretrain --out " + folder + "\n";
  }
  return "encoder: " + result.folder.encoder() + "\nnext: nearfar evaluate " + folder + "\n";
}

int run_replay(const std::string& file, const RunSources& sources, Console& console) {
  const ReplayResult result = replay(file, sources, console.log());
  Json document = Json::object();
  document["step"] = result.step;
  document["reproduced"] = result.reproduced;
  if (std::isfinite(result.loss)) document["loss"] = result.loss;
  if (std::isfinite(result.gradient_norm)) document["gradient_norm"] = result.gradient_norm;
  std::string words;
  Json findings = Json::array();
  for (const std::string& finding : result.findings) {
    words += finding + "\n";
    findings.push_back(finding);
  }
  document["findings"] = std::move(findings);
  words += result.reproduced
               ? "reproduced: step " + format_count(result.step) + " is not finite\n"
               : "not reproduced: here everything in step " + format_count(result.step) +
                     " is finite. Another machine, number of threads, recipe library or data may "
                     "be why\n";
  console.result(words, document);
  return static_cast<int>(result.reproduced ? ExitCode::diverged : ExitCode::done);
}

}  // namespace

int run_pretrain(const PretrainArguments& arguments, const std::string& command_line,
                 Console& console) {
  RunSources sources = sources_of(arguments.rest);
  sources.preset = arguments.preset;
  if (!arguments.recipe.empty()) sources.assignments.push_back("recipe.name=" + arguments.recipe);
  if (!arguments.data.empty()) sources.assignments.push_back("data.path=" + arguments.data);
  if (!arguments.replay.empty()) return run_replay(arguments.replay, sources, console);
  PretrainOptions options;
  options.out = arguments.out;
  options.fresh = arguments.fresh;
  options.command_line = command_line;
  options.placement = console.placement();
  const PretrainResult result = pretrain(sources, options, console.progress(), console.log());
  console.result(to_words(result), to_document(result));
  return result.stopped ? static_cast<int>(ExitCode::stopped) : 0;
}

}  // namespace nearfar
