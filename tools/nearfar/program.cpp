// From the command line to a command, and from errors to exit codes.
#include <iostream>
#include <new>
#include <optional>

#include "distributed/peer_error.h"
#include "distributed/placement.h"
#include "framework/error.h"
#include "framework/first_line.h"
#include "tools/nearfar/commands.h"

namespace nearfar {
namespace {

std::string join(int argc, char** argv) {
  std::string line;
  for (int i = 0; i < argc; ++i) line += (i == 0 ? "" : " ") + std::string(argv[i]);
  return line;
}

int dispatch(const Arguments& arguments, const std::string& command_line, Console& console) {
  if (arguments.command == "pretrain") {
    return run_pretrain(arguments.pretrain, command_line, console);
  }
  if (arguments.command == "launch") {
    return run_launch(arguments.launch, arguments.common, console);
  }
  if (arguments.command == "evaluate") return run_evaluate(arguments.evaluate, console);
  if (arguments.command == "embed") return run_embed(arguments.embed, console);
  if (arguments.command == "finetune") {
    return run_finetune(arguments.finetune, command_line, console);
  }
  if (arguments.command == "export") return run_export(arguments.exporting, console);
  if (arguments.command == "report") return run_report(arguments.report, console);
  if (arguments.command == "views") return run_views(arguments.views, console);
  if (arguments.command == "bench") return run_bench(arguments.bench, console);
  if (arguments.command == "recipes") return run_recipes(arguments.recipes, console);
  if (arguments.command == "new-recipe") return run_new_recipe(arguments.new_recipe, console);
  if (arguments.command == "check-recipe") {
    return run_check_recipe(arguments.check_recipe, console);
  }
  if (arguments.command == "loss") return run_loss(arguments.loss, console);
  if (arguments.command == "distance") return run_distance(arguments.distance, console);
  if (arguments.command == "config") return run_config(arguments.config, console);
  return run_doctor(arguments.doctor, console);
}

/// Where this process stands among the ranks of a command; commands that know no ranks have one.
/// What is wrong with the environment is printed, and nothing returned.
std::optional<Placement> placement_of(const Arguments& arguments) {
  const bool over_ranks = arguments.command == "pretrain" ||
                          (arguments.command == "doctor" && arguments.doctor.distributed);
  if (!over_ranks) return Placement{};
  try {
    return find_placement(process_environment());
  } catch (const PlacementError& error) {
    std::cerr << "error: " << error.what() << "\n";
    return std::nullopt;
  }
}

int run_program(int argc, char** argv) {
  follow_launcher();
  const Parsed parsed = parse_arguments(argc, argv, key_listing);
  std::cout << parsed.output;
  std::cerr << parsed.error;
  if (!parsed.run) return parsed.exit_code;
  std::optional<Placement> placement = placement_of(parsed.arguments);
  if (!placement) return static_cast<int>(ExitCode::config);
  Console console(parsed.arguments.common, *std::move(placement));
  try {
    return dispatch(parsed.arguments, join(argc, argv), console);
  } catch (const PeerError& error) {
    console.log().error(first_line(error.what()));
    return static_cast<int>(ExitCode::environment);
  } catch (const Error& error) {
    console.log().error(first_line(error.what()));
    return static_cast<int>(error.code());
  } catch (const std::bad_alloc&) {
    console.log().error("out of memory; a smaller train.batch or view size needs less");
    return static_cast<int>(ExitCode::environment);
  } catch (const std::exception& error) {
    console.log().error(first_line(error.what()));
    return static_cast<int>(ExitCode::unexpected);
  } catch (...) {
    console.log().error("something was thrown that is not an exception of the standard library");
    return static_cast<int>(ExitCode::unexpected);
  }
}

}  // namespace
}  // namespace nearfar

extern "C" __attribute__((visibility("default"))) int nearfar_main(int argc, char** argv) {
  return nearfar::run_program(argc, argv);
}
