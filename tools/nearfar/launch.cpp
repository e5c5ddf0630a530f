// `nearfar launch`.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <system_error>

#include "distributed/diagnosis.h"
#include "distributed/peer_error.h"
#include "distributed/placement.h"
#include "distributed/store.h"
#include "framework/error.h"
#include "tools/nearfar/commands.h"
#include "tools/nearfar/launch_ranks.h"

namespace nearfar {
namespace {

/// This program and what the user wrote for the ranks; what launch understands itself goes with it.
std::vector<std::string> command_of(const LaunchArguments& arguments,
                                    const CommonArguments& common) {
  std::array<char, 4096> path;
  const ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
  if (length <= 0) throw EnvironmentError("/proc/self/exe: " + std::string(std::strerror(errno)));
  std::vector<std::string> command = {std::string(path.data(), static_cast<size_t>(length))};
  if (common.json) command.push_back("--json");
  if (common.quiet) command.push_back("--quiet");
  if (common.no_color) command.push_back("--no-color");
  command.insert(command.end(), arguments.command.begin(), arguments.command.end());
  return command;
}

void check_command(const std::vector<std::string>& command) {
  if (!command.empty() && (command[0] == "pretrain" || command[0] == "doctor")) return;
  throw ConfigError("launch: expected pretrain or doctor after the options of launch, found " +
                    (command.empty() ? "nothing" : command[0]) + " (see nearfar launch --help)");
}

/// Questions about a command need no ranks.
bool asks_for_help(const std::vector<std::string>& command) {
  return std::any_of(command.begin(), command.end(), [](const std::string& word) {
    return word == "-h" || word == "--help" || word == "--version";
  });
}

/// Goes on as the command itself.
[[noreturn]] void become(std::vector<std::string> command) {
  std::vector<char*> words;
  for (std::string& word : command) words.push_back(word.data());
  words.push_back(nullptr);
  execv(words[0], words.data());
  throw EnvironmentError(command[0] + ": " + std::strerror(errno));
}

std::string new_run_id() {
  std::random_device source;
  std::array<char, 17> text;
  std::snprintf(text.data(), text.size(), "%08x%08x", source(), source());
  return text.data();
}

/// Our stdin in memory, for ranks that read a config from "-"; -1: they do not.
Descriptor stdin_for_ranks(const std::vector<std::string>& command) {
  if (std::find(command.begin(), command.end(), "-") == command.end()) return Descriptor();
  Descriptor copy(memfd_create("stdin", MFD_CLOEXEC));
  std::array<char, 65536> bytes;
  for (ssize_t count; (count = read(STDIN_FILENO, bytes.data(), bytes.size())) != 0;) {
    if (count < 0 || write(copy.number(), bytes.data(), static_cast<size_t>(count)) != count) {
      throw EnvironmentError("stdin: " + std::string(std::strerror(errno)));
    }
  }
  return copy;
}

/// Throws ConfigError where the environment says that others have started ranks already.
void check_environment(const Placement& rank, Log& log) {
  Environment environment = process_environment();
  if (environment.count(kLaunchVariable) != 0) {
    throw ConfigError(std::string(kLaunchVariable) + "=" + environment[kLaunchVariable] +
                      ": this process was started by nearfar launch, and cannot launch again");
  }
  environment[kLaunchVariable] = launch_text(rank);
  try {
    for (const std::string& note : find_placement(environment).notes) log.info(note);
  } catch (const PlacementError& error) {
    throw ConfigError(error.what());
  }
}

ServedStore serve_store_of_ranks() {
  try {
    return serve_store(0);
  } catch (const std::system_error& error) {
    throw EnvironmentError("launch: no port for the store of the ranks: " +
                           std::string(error.what()));
  }
}

/// A rank that was killed cannot say so: the others hear it from us and need not wait for a sign of
/// life.
void tell_others(Store& store, const Placement& run, int rank, int attempt,
                 const std::string& what) {
  const Board board = {run.run_id + "/" + std::to_string(attempt) + "/", rank, run.ranks,
                       "nearfar launch"};
  try {
    report_failure(store, board, "it " + what);
  } catch (const PeerError&) {
    // Without the store they find out by themselves.
  }
}

}  // namespace

int run_launch(const LaunchArguments& arguments, const CommonArguments& common, Console& console) {
  check_command(arguments.command);
  if (asks_for_help(arguments.command)) become(command_of(arguments, common));
  Placement placement;
  placement.ranks = arguments.ranks;
  placement.host = "127.0.0.1";
  placement.port = 1;
  placement.launcher = getpid();
  placement.run_id = new_run_id();
  check_environment(placement, console.log());

  LaunchSignals signals;  // before the store has threads
  const ServedStore served = serve_store_of_ranks();
  const Descriptor input = stdin_for_ranks(arguments.command);
  placement.port = served.port;
  LaunchPlan plan;
  plan.command = command_of(arguments, common);
  plan.ranks = arguments.ranks;
  plan.max_restarts = arguments.max_restarts;
  plan.input = input.number();
  plan.on_failure = [&](int rank, int attempt, const std::string& what) {
    tell_others(*served.store, placement, rank, attempt, what);
  };
  plan.variable = [placement](int rank, int attempt) {
    Placement own = placement;
    own.rank = rank;
    own.attempt = attempt;
    return std::string(kLaunchVariable) + "=" + launch_text(own);
  };
  return launch_ranks(plan, signals, console.log());
}

void follow_launcher() {
  const char* text = std::getenv(kLaunchVariable);
  if (text == nullptr) return;
  try {
    end_with_launcher(find_placement({{kLaunchVariable, text}}).launcher);
  } catch (const PlacementError&) {
    // Said by the command that asks for the placement.
  }
}

}  // namespace nearfar
