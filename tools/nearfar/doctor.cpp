// `nearfar doctor`.
#include <ATen/core/Tensor.h>
#include <dlfcn.h>

#include "framework/error.h"
#include "framework/files/library_folder.h"
#include "framework/recipe/library.h"
#include "framework/train/device.h"
#include "framework/train/run_folder.h"
#include "tools/nearfar/doctor.h"

namespace nearfar {
namespace {

/// The library that matrix products come from: LibTorch's own, unless another BLAS got in its way.
std::string blas_library() {
  void* symbol = dlsym(RTLD_DEFAULT, "sgemm_");
  Dl_info info{};
  if (symbol == nullptr || dladdr(symbol, &info) == 0) return "not found";
  return info.dli_fname;
}

/// A product whose result is known.
bool numerics_agree() {
  const at::Tensor a = at::arange(12, at::kFloat).view({3, 4});
  const at::Tensor product = a.mm(a.t());
  return product[2][2].item<float>() == 8.0f * 8 + 9 * 9 + 10 * 10 + 11 * 11;
}

/// Throws ConfigError for options that say nothing together.
void check_together(const DoctorArguments& arguments) {
  if (arguments.plan && arguments.distributed) {
    throw ConfigError("doctor: expected one of --plan and --distributed, found both");
  }
  if (arguments.plan && arguments.ranks == 0) {
    throw ConfigError("doctor --plan: expected --ranks, how many the run shall have");
  }
  if (!arguments.plan && (arguments.ranks > 0 || arguments.gpus_per_host > 0)) {
    throw ConfigError("doctor: --ranks and --gpus-per-host belong to --plan" +
                      std::string(arguments.distributed
                                      ? "; --distributed tests the ranks that it is started on, "
                                        "nearfar launch --ranks N starts them"
                                      : ""));
  }
  const bool has_config = !arguments.rest.empty() || !arguments.recipe.empty() ||
                          !arguments.data.empty() || !arguments.preset.empty();
  if (has_config && !arguments.plan && !arguments.distributed) {
    throw ConfigError("doctor: settings belong to --plan or --distributed");
  }
}

int examine_machine(const DoctorArguments& arguments, Console& console) {
  Json document = describe_environment("");
  const std::string device = resolve_device(arguments.device.empty() ? "auto" : arguments.device);
  if (device == "cuda") open_cuda();
  document["device"] = device;
  document["blas"] = blas_library();
  document["self_test"] = numerics_agree() ? "passed" : "failed";
  document["libraries"] = library_folder();
  Json recipes = Json::array();
  for (const RecipeListing& listing : list_recipes()) {
    recipes.push_back(listing.problem.empty() ? listing.name
                                              : listing.name + ": " + listing.problem);
  }
  document["recipes"] = std::move(recipes);
  std::string text;
  for (const auto& [key, value] : document.members()) {
    text += key + ": " + (value.is_string() ? value.as_string() : to_text(value, -1)) + "\n";
  }
  console.result(text, document);
  if (document.at("self_test").as_string() == "passed") return 0;
  throw EnvironmentError("self-test: a matrix product is wrong; BLAS in use: " + blas_library());
}

}  // namespace

RunSources doctor_sources(const DoctorArguments& arguments) {
  RunSources sources = sources_of(arguments.rest);
  sources.preset = arguments.preset;
  const auto set = [&sources](const char* key, const std::string& value) {
    if (!value.empty()) sources.assignments.push_back(std::string(key) + "=" + value);
  };
  set("recipe.name", arguments.recipe);
  set("data.path", arguments.data);
  set("device", arguments.device);
  return sources;
}

int run_doctor(const DoctorArguments& arguments, Console& console) {
  check_together(arguments);
  if (arguments.plan) return run_plan(arguments, console);
  if (arguments.distributed) return run_distributed(arguments, console);
  return examine_machine(arguments, console);
}

}  // namespace nearfar
