// `nearfar pretrain`.
#include "framework/train/pretrain.h"

#include "framework/error.h"
#include "framework/log/quantities.h"
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
  if (result.stopped_by_signal != 0) {
    return "stopped and saved after step " + format_count(result.step) + "\n" +
           "to go on: nearfar pretrain --out " + folder + "\n";
  }
  return "encoder: " + result.folder.encoder() + "\nnext: nearfar evaluate " + folder + "\n";
}

}  // namespace

int run_pretrain(const PretrainArguments& arguments, const std::string& command_line,
                 Console& console) {
  RunSources sources = sources_of(arguments.rest);
  sources.preset = arguments.preset;
  if (!arguments.recipe.empty()) sources.assignments.push_back("recipe.name=" + arguments.recipe);
  if (!arguments.data.empty()) sources.assignments.push_back("data.path=" + arguments.data);
  PretrainOptions options;
  options.out = arguments.out;
  options.fresh = arguments.fresh;
  options.command_line = command_line;
  const PretrainResult result = pretrain(sources, options, console.progress(), console.log());
  console.result(to_words(result), to_document(result));
  return result.stopped_by_signal == 0 ? 0 : static_cast<int>(ExitCode::stopped);
}

}  // namespace nearfar
