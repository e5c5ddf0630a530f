// golden_runner FOLDER [--only FAMILY|OPERATION] [--dump DIR]: golden values through the C++ API.
#include <iostream>
#include <string>
#include <vector>

#include "framework/error.h"
#include "tests/golden_runner/runner.h"

namespace nearfar::golden {
namespace {

RunOptions parse_arguments(const std::vector<std::string>& arguments) {
  RunOptions options;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const bool takes_value = arguments[i] == "--only" || arguments[i] == "--dump";
    if (takes_value && i + 1 < arguments.size()) {
      (arguments[i] == "--only" ? options.only : options.dump) = arguments[i + 1];
      ++i;
    } else if (options.folder.empty() && !arguments[i].starts_with("-")) {
      options.folder = arguments[i];
    } else {
      throw ConfigError("golden_runner: unexpected argument \"" + arguments[i] +
                        "\"; usage: golden_runner FOLDER [--only FAMILY|OPERATION] [--dump DIR]");
    }
  }
  if (options.folder.empty()) throw ConfigError("golden_runner: expected a FOLDER");
  return options;
}

Operations all_operations() {
  Operations operations;
  add_augmentation(operations);
  add_encoders(operations);
  add_evaluation(operations);
  add_optimizers(operations);
  add_vits(operations);
  add_formulas(operations);
  add_losses_over_ranks(operations);
  return operations;
}

}  // namespace
}  // namespace nearfar::golden

int main(int count, char** words) {
  using namespace nearfar;
  try {
    const auto options = golden::parse_arguments({words + 1, words + count});
    const golden::Counts counts =
        golden::run(options, golden::all_operations(), golden::check_names, std::cout);
    return counts.ok > 0 && counts.wrong == 0 ? 0 : 1;
  } catch (const Error& error) {
    std::cerr << "error: " << error.what() << "\n";
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << "\n";
    return static_cast<int>(ExitCode::unexpected);
  }
}
