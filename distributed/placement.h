// Where this process stands among the ranks of a run, as told by whoever started it.
#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace nearfar {

/// Variables by name.
using Environment = std::map<std::string, std::string>;

struct Placement {
  std::string source;  // "nearfar launch", "torchrun", "SLURM", ...; empty: one rank alone
  int rank = 0;
  int ranks = 1;
  int local_rank = 0;  // among the ranks on this host
  int local_ranks = 1;
  std::string host;                // of the store where the ranks meet; empty for one rank alone
  int port = 0;                    // of the store
  bool store_served = false;       // by who started the ranks; else rank 0 serves it
  int attempt = 0;                 // restarts before this start
  std::string run_id;              // of the job: ranks of another job are refused
  int launcher = 0;                // the process that this one must not outlive; 0: none is known
  std::vector<std::string> notes;  // for the log: which variables were overruled, and why
};

/// What the variables say that a user must mend: incomplete, out of range, or in contradiction.
struct PlacementError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

/// The variable by which `nearfar launch` places its ranks.
inline constexpr const char* kLaunchVariable = "NEARFAR_LAUNCH";

/// Its value for a rank; it says nothing of source and notes.
std::string launch_text(const Placement& placement);

/// Precedence: nearfar launch, torchrun, SLURM (inside srun), Open MPI, MPICH, Kubeflow, alone.
/// Where SLURM's tasks are fewer than mpirun's ranks they are mpirun's daemons, and mpirun rules.
/// Throws PlacementError naming the variables and their values.
Placement find_placement(const Environment& environment);

/// The variables of this process.
Environment process_environment();

}  // namespace nearfar
