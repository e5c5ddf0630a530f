// Tasks of SLURM's srun.
#include <numeric>
#include <stdexcept>

#include "distributed/host_list.h"
#include "distributed/launchers.h"

namespace nearfar {
namespace {

constexpr const char* kThisHost = "127.0.0.1";
constexpr int kFirstJobPort = 15000;  // below the ports that Linux gives to clients
constexpr int kJobPorts = 10000;

/// Inside of srun. A batch script has SLURM_PROCID=0, too, and the shell of salloc is a step with a
/// number that no srun has.
bool in_srun(const Variables& variables) {
  const std::string step = variables.text("SLURM_STEP_ID");
  return variables.has("SLURM_PROCID") && !step.empty() && step.size() < 10;
}

/// The step's own variable, or the job's.
std::string step_or_job(const Variables& variables, const std::string& step,
                        const std::string& job) {
  return variables.has(step) ? step : job;
}

std::string name_of_counts(const Variables& variables) {
  return step_or_job(variables, "SLURM_STEP_TASKS_PER_NODE", "SLURM_TASKS_PER_NODE");
}

int slurm_local_ranks(const Variables& variables, int ranks) {
  const std::string name = name_of_counts(variables);
  const int node = variables.number("SLURM_NODEID");
  try {
    const std::vector<int> counts = expand_counts(variables.text(name));
    if (std::accumulate(counts.begin(), counts.end(), 0) == ranks &&
        static_cast<size_t>(node) < counts.size()) {
      return counts[static_cast<size_t>(node)];
    }
  } catch (const std::invalid_argument& error) {
    throw PlacementError(variables.quote(name) + ": " + error.what());
  }
  throw PlacementError(variables.quote(name) + ", " + variables.quote("SLURM_NTASKS") + ", " +
                       variables.quote("SLURM_NODEID") + ": the tasks of the hosts do not add up");
}

std::string slurm_first_host(const Variables& variables) {
  const std::string name =
      step_or_job(variables, "SLURM_STEP_NODELIST",
                  step_or_job(variables, "SLURM_NODELIST", "SLURM_JOB_NODELIST"));
  try {
    return expand_host_list(variables.text(name)).front();
  } catch (const std::invalid_argument& error) {
    throw PlacementError(variables.quote(name) + ": expected a list of hosts: " + error.what());
  }
}

Placement place_slurm(const Variables& variables) {
  variables.check_below("SLURM_PROCID", "SLURM_NTASKS");
  Placement placement;
  placement.rank = variables.number("SLURM_PROCID");
  placement.ranks = variables.number("SLURM_NTASKS", 1);
  placement.local_rank = variables.number("SLURM_LOCALID");
  placement.local_ranks = slurm_local_ranks(variables, placement.ranks);
  if (placement.local_rank >= placement.local_ranks) {
    throw PlacementError(variables.quote("SLURM_LOCALID") + ", " +
                         variables.quote(name_of_counts(variables)) +
                         ": this host has fewer tasks than that");
  }
  if (placement.ranks == 1) return Placement();
  // The name is that of a shell which srun started, or of ranks which srun started through one: the
  // first must run alone, the second together.
  if (variables.text("SLURM_JOB_NAME") == "bash" && variables.text("SLURM_STEP_ID") == "0") {
    throw PlacementError(
        variables.quote("SLURM_JOB_NAME") + ", " + variables.quote("SLURM_NTASKS") +
        ": an interactive shell, or ranks? Give srun --job-name for ranks, or start them by srun "
        "inside of the shell");
  }
  const int job = variables.number("SLURM_JOB_ID");
  placement.host =
      placement.local_ranks == placement.ranks ? kThisHost : slurm_first_host(variables);
  placement.port = kFirstJobPort + job % kJobPorts;
  take_address(variables, placement);
  placement.run_id = variables.text("SLURM_JOB_ID") + "." + variables.text("SLURM_STEP_ID");
  if (variables.has("SLURM_RESTART_COUNT")) {
    placement.run_id += ".restart" + variables.text("SLURM_RESTART_COUNT");
  }
  return placement;
}

}  // namespace

Launcher slurm() { return {"SLURM", "SLURM_PROCID", "SLURM_NTASKS", in_srun, place_slurm}; }

}  // namespace nearfar
