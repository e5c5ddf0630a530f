// `nearfar doctor`.
#include <ATen/core/Tensor.h>
#include <dlfcn.h>

#include "framework/error.h"
#include "framework/files/library_folder.h"
#include "framework/recipe/library.h"
#include "framework/train/device.h"
#include "framework/train/run_folder.h"
#include "tools/nearfar/commands.h"

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

}  // namespace

int run_doctor(const DoctorArguments& arguments, Console& console) {
  Json document = describe_environment("");
  const std::string device = resolve_device(arguments.device);
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

}  // namespace nearfar
