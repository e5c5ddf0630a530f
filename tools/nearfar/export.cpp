// `nearfar export`.
#include <filesystem>

#include "framework/encoders/vit.h"
#include "framework/error.h"
#include "framework/train/encoder_export.h"
#include "tools/nearfar/commands.h"

namespace nearfar {
namespace {

/// Torchvision and timm agree on the names of a ResNet's tensors alone.
std::string namer_of(const LoadedEncoder& source, const std::string& format) {
  if (!is_vit(source.config.name)) return "torchvision and timm";
  return format == "torchvision" ? "torchvision" : "timm";
}

}  // namespace

int run_export(const ExportArguments& arguments, Console& console) {
  if (arguments.format != "timm-folder" && std::filesystem::is_directory(arguments.out)) {
    throw ConfigError("--out " + arguments.out + ": expected a file for --format " +
                      arguments.format + ", found a folder");
  }
  const LoadedEncoder source = load_encoder(arguments.what, arguments.encoder, console.log());
  const ExportResult result = export_encoder(source, arguments.format, arguments.out);
  Json python = Json::array();
  std::string lines;
  for (const std::string& line : result.python) {
    python.push_back(line);
    lines += "    " + line + "\n";
  }
  const std::string difference = to_text(Json(result.difference), -1);
  console.result(result.path + ": " + source.config.name + ", " + std::to_string(result.tensors) +
                     " tensors under the names of " + namer_of(source, arguments.format) + "\n" +
                     "check: read back into a fresh encoder, largest difference of features " +
                     difference + "\nin Python:\n" + lines,
                 Json::object({{"file", result.path},
                               {"format", arguments.format},
                               {"encoder", source.config.name},
                               {"source", source.source},
                               {"tensors", result.tensors},
                               {"max_abs_difference", result.difference},
                               {"python", python}}));
  return 0;
}

}  // namespace nearfar
