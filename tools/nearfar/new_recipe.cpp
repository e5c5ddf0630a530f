// `nearfar new-recipe`.
#include <filesystem>

#include "framework/error.h"
#include "framework/files/file_system.h"
#include "framework/recipe/library.h"
#include "framework/recipe/package.h"
#include "nearfar/recipe_templates.h"
#include "tools/nearfar/commands.h"

namespace nearfar {
namespace fs = std::filesystem;
namespace {

constexpr size_t kLongestName = 64;

/// Text by the mark that it takes the place of.
using Words = std::vector<std::pair<std::string, std::string>>;

std::string filled(std::string text, const Words& words) {
  for (const auto& [mark, word] : words) {
    for (size_t at = text.find(mark); at != std::string::npos;
         at = text.find(mark, at + word.size())) {
      text.replace(at, mark.size(), word);
    }
  }
  return text;
}

/// The name is a file's, a C++ namespace's and a CMake target's.
void check_name(const std::string& name) {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  bool good = !name.empty() && name.size() <= kLongestName && is_letter(name.front()) &&
              name.back() != '_' && name.find("__") == std::string::npos;
  for (const char c : name) good = good && (is_letter(c) || (c >= '0' && c <= '9') || c == '_');
  if (!good) {
    throw ConfigError(
        "new-recipe: expected a name of lower-case letters, digits and single _ "
        "between them, a letter first and " +
        std::to_string(kLongestName) + " at most, found \"" + name + "\"");
  }
  for (const RecipeListing& listing : list_recipes()) {
    if (listing.name != name) continue;
    throw ConfigError("new-recipe: \"" + name + "\" is the name of a recipe that is there (" +
                      listing.path + "); expected another");
  }
}

/// triplet_loss -> TripletLoss.
std::string class_of(const std::string& name) {
  std::string result;
  bool begins = true;
  for (const char c : name) {
    if (c != '_') result += begins && c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c;
    begins = c == '_';
  }
  return result;
}

/// As one word of a shell.
std::string quoted(const std::string& word) {
  const bool plain = word.find_first_not_of(
                         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "0123456789/._-+=") == std::string::npos;
  return plain && !word.empty() ? word : "'" + filled(word, {{"'", "'\\''"}}) + "'";
}

std::string this_program() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  return error ? "nearfar" : program.string();
}

/// Data that is on many machines (Debian's dataset-fashion-mnist), so that the command runs as it
/// is.
std::string some_data() {
  const std::string known = "/usr/share/datasets/fashion-mnist";
  return fs::exists(known) ? known : "PHOTOS";
}

}  // namespace

int run_new_recipe(const NewRecipeArguments& arguments, Console& console) {
  const std::string& name = arguments.name;
  check_name(name);
  const fs::path folder = arguments.out.empty() ? name : arguments.out;
  if (fs::exists(folder)) {
    throw ConfigError(folder.string() + ": is there already; expected a new folder (--out)");
  }
  const std::string build = (folder / "build").string();
  const std::string configure = "cmake -S " + quoted(folder.string()) + " -B " + quoted(build) +
                                " && cmake --build " + quoted(build);
  const std::string run = quoted(this_program()) + " pretrain --recipe " +
                          quoted(build + "/" + name + ".so") + " --data " + some_data();
  const Words words = {
      {"{{name}}", name}, {"{{Class}}", class_of(name)}, {"{{package}}", package_folder()}};
  const std::vector<std::pair<std::string, const char*>> files = {{name + ".cpp", kNewSource},
                                                                  {name + ".json", kNewPreset},
                                                                  {name + "_test.cpp", kNewTest},
                                                                  {"CMakeLists.txt", kNewBuild},
                                                                  {"README.md", kNewReadme}};
  Json document = Json::object();
  document["folder"] = folder.string();
  document["files"] = Json::array();
  real_file_system().make_directories(folder.string());
  for (const auto& [file, text] : files) {
    const std::string contents = filled(text, words);
    real_file_system().write_durably((folder / file).string(), contents.data(), contents.size());
    document["files"].push_back(file);
  }
  document["commands"] = Json::array({configure, run});
  console.log().info("wrote " + folder.string() + ": a recipe that trains; build and run it:");
  console.result(configure + "\n" + run + "\n", document);
  return 0;
}

}  // namespace nearfar
