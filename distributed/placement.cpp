// Asks the launchers in the order of precedence, and holds what else the environment says against
// it.
#include "distributed/placement.h"

#include <sstream>

#include "distributed/launchers.h"

// POSIX leaves the declaration of the environment to the program.
extern char** environ;

namespace nearfar {
namespace {

[[noreturn]] void refuse_launch_text(const Variables& variables) {
  throw PlacementError(variables.quote(kLaunchVariable) +
                       ": not as nearfar launch writes it; it is not for setting by hand");
}

Placement place_launched(const Variables& variables) {
  Placement placement;
  std::istringstream words(variables.text(kLaunchVariable));
  Environment fields;
  for (std::string word; words >> word;) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos) refuse_launch_text(variables);
    fields[word.substr(0, equals)] = word.substr(equals + 1);
  }
  try {
    const Variables read(fields);
    placement.rank = read.number("rank");
    placement.ranks = read.number("ranks", 1);
    placement.host = read.text("host");
    placement.port = read.port("port");
    placement.attempt = read.number("attempt");
    placement.launcher = read.number("launcher");
    placement.run_id = read.text("run_id");
  } catch (const PlacementError&) {
    refuse_launch_text(variables);
  }
  if (placement.rank >= placement.ranks || placement.host.empty()) refuse_launch_text(variables);
  placement.local_rank = placement.rank;
  placement.local_ranks = placement.ranks;
  placement.store_served = true;
  return placement;
}

Launcher nearfar_launch() {
  return {"nearfar launch", kLaunchVariable, kLaunchVariable,
          [](const Variables& v) { return v.has(kLaunchVariable); }, place_launched};
}

std::vector<Launcher> launchers() {
  return {nearfar_launch(), torchrun(), slurm(), open_mpi(), mpich(), pytorch_job(), train_job()};
}

std::string quote_both(const Variables& variables, const Launcher& launcher) {
  return variables.quote(launcher.rank) + ", " + variables.quote(launcher.ranks);
}

/// For launchers that others may start, one on each of `hosts`: throws unless `outer` started as
/// many. Returns a note.
std::string compare_with_outer(const Variables& variables, const Placement& chosen, int hosts,
                               const Launcher& outer) {
  const int started = variables.number(outer.ranks, 1);
  if (started != hosts) {
    throw PlacementError(quote_both(variables, outer) + ": " + outer.name + " started " +
                         std::to_string(started) + " processes, but " + chosen.source +
                         " in each of them knows of " + std::to_string(chosen.ranks) +
                         " ranks on " + std::to_string(hosts) + (hosts == 1 ? " host" : " hosts") +
                         "; start nearfar pretrain by one of the two alone");
  }
  if (started == 1) return "";
  return std::string(outer.name) + " started " + chosen.source + ", which places this rank; " +
         quote_both(variables, outer) + " are not its own";
}

/// For launchers that start ranks themselves: throws unless both say the same.
void compare_with_equal(const Variables& variables, const Launcher& chosen, const Launcher& other) {
  const bool same = variables.number(chosen.rank) == variables.number(other.rank) &&
                    variables.number(chosen.ranks) == variables.number(other.ranks);
  if (same) return;
  throw PlacementError(quote_both(variables, chosen) + " of " + chosen.name + ", " +
                       quote_both(variables, other) + " of " + other.name +
                       ": expected the same rank of as many; unset the variables of one");
}

/// mpirun starts a daemon a host by srun: fewer tasks than ranks.
bool tasks_are_daemons(const Variables& variables, const Launcher& first, const Launcher& second) {
  const std::string name = second.name;
  return std::string(first.name) == "SLURM" && (name == "Open MPI" || name == "MPICH") &&
         variables.number(first.ranks) < variables.number(second.ranks);
}

/// Nothing that starts ranks was found. Throws for a batch script that forgot srun; a shell may run
/// one rank whatever SLURM gave it.
Placement place_alone(const Variables& variables) {
  Placement alone;
  if (!variables.has("SLURM_JOB_ID") || !variables.has("SLURM_NTASKS") ||
      variables.number("SLURM_NTASKS") == 1) {
    return alone;
  }
  const std::string job = variables.text("SLURM_JOB_NAME");
  if (job != "interactive" && job != "bash") {
    throw PlacementError(variables.quote("SLURM_NTASKS") +
                         ", but SLURM_STEP_ID is not set: SLURM gave the job several tasks, and "
                         "this process was not started by srun; start it with srun nearfar "
                         "pretrain ..., or nearfar launch --ranks N pretrain ... on one host");
  }
  alone.notes.push_back("one rank alone: " + variables.quote("SLURM_NTASKS") +
                        ", but this is an interactive shell; srun starts one rank a task");
  return alone;
}

/// The processes that may have started launchers of this kind, one on each host; 0 for launchers
/// that start ranks themselves.
int hosts_of(const Variables& variables, const Placement& placement) {
  if (placement.source == "nearfar launch") return 1;
  if (placement.source != "torchrun" || !variables.has("GROUP_WORLD_SIZE")) return 0;
  return variables.number("GROUP_WORLD_SIZE", 1);
}

/// Kubeflow's variables are those of torchrun, or are there for torchrun to read.
bool speaks_for(const Placement& chosen, const Launcher& other) {
  const std::string name = other.name;
  const bool pods = name == "Kubeflow PyTorchJob" || name == "Kubeflow Trainer";
  return pods && (chosen.source == "torchrun" || chosen.source == "Kubeflow PyTorchJob");
}

}  // namespace

std::string launch_text(const Placement& placement) {
  return "rank=" + std::to_string(placement.rank) + " ranks=" + std::to_string(placement.ranks) +
         " host=" + placement.host + " port=" + std::to_string(placement.port) +
         " attempt=" + std::to_string(placement.attempt) +
         " launcher=" + std::to_string(placement.launcher) + " run_id=" + placement.run_id;
}

Placement find_placement(const Environment& environment) {
  const Variables variables(environment);
  std::vector<Launcher> found;
  for (const Launcher& launcher : launchers()) {
    if (launcher.present(variables)) found.push_back(launcher);
  }
  if (found.empty()) return place_alone(variables);
  std::vector<std::string> notes;
  if (found.size() > 1 && tasks_are_daemons(variables, found[0], found[1])) {
    notes.push_back(std::string(found[1].name) + " places this rank; " +
                    quote_both(variables, found[0]) + " are those of its daemons");
    found.erase(found.begin());
  }
  Placement chosen = found[0].place(variables);
  chosen.source = found[0].name;
  const int hosts = hosts_of(variables, chosen);
  for (size_t i = 1; i < found.size(); ++i) {
    if (speaks_for(chosen, found[i])) continue;
    if (hosts == 0) {
      compare_with_equal(variables, found[0], found[i]);
    } else {
      const std::string note = compare_with_outer(variables, chosen, hosts, found[i]);
      if (!note.empty()) notes.push_back(note);
    }
  }
  chosen.notes = std::move(notes);
  return chosen;
}

Environment process_environment() {
  Environment environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const size_t equals = text.find('=');
    if (equals != std::string::npos) environment[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return environment;
}

}  // namespace nearfar
