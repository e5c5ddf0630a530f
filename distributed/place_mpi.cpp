// Ranks of mpirun: Open MPI, and MPICH with those that descend from it.
#include <cstdint>

#include "distributed/launchers.h"

namespace nearfar {
namespace {

constexpr const char* kThisHost = "127.0.0.1";
constexpr int kUsualPort = 29500;     // torchrun's
constexpr int kFirstJobPort = 15000;  // below the ports that Linux gives to clients
constexpr int kJobPorts = 10000;

/// FNV-1a: the same on all ranks, whatever built the program.
uint32_t hash_of(const std::string& text) {
  uint32_t hash = 2166136261u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash;
}

/// Where the ranks of an mpirun meet: it gives no address.
void place_store_of_mpi(const Variables& variables, const std::string& job, Placement& placement) {
  if (placement.local_ranks == placement.ranks) placement.host = kThisHost;
  placement.port =
      job.empty() ? kUsualPort : kFirstJobPort + static_cast<int>(hash_of(job) % kJobPorts);
  take_address(variables, placement);
  placement.run_id = job;
  if (!placement.host.empty()) return;
  throw PlacementError(
      "MASTER_ADDR: mpirun started ranks on several hosts and does not say where they meet; give "
      "the host of rank 0 and a free port of it to all ranks (Open MPI: mpirun -x "
      "MASTER_ADDR=HOST -x MASTER_PORT=29500, MPICH: mpiexec -genv MASTER_ADDR HOST -genv "
      "MASTER_PORT 29500)");
}

Placement place_mpi(const Variables& variables, const std::string& who, const char* rank,
                    const char* ranks, const char* local_rank, const char* local_ranks) {
  variables.require(who, {rank, ranks, local_rank, local_ranks});
  variables.check_below(rank, ranks);
  variables.check_below(local_rank, local_ranks);
  Placement placement;
  placement.rank = variables.number(rank);
  placement.ranks = variables.number(ranks, 1);
  placement.local_rank = variables.number(local_rank);
  placement.local_ranks = variables.number(local_ranks, 1);
  if (placement.local_ranks > placement.ranks) {
    throw PlacementError(variables.quote(local_ranks) + ", " + variables.quote(ranks) +
                         ": more ranks on this host than in all");
  }
  return placement;
}

Placement place_open_mpi(const Variables& variables) {
  Placement placement =
      place_mpi(variables, "Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
                "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE");
  if (placement.ranks == 1) return Placement();
  place_store_of_mpi(variables,
                     variables.has("PMIX_NAMESPACE") ? variables.text("PMIX_NAMESPACE")
                                                     : variables.text("OMPI_MCA_ess_base_jobid"),
                     placement);
  return placement;
}

Placement place_mpich(const Variables& variables) {
  Placement placement =
      place_mpi(variables, "MPICH", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS");
  if (placement.ranks == 1) return Placement();
  place_store_of_mpi(variables, variables.text("PMI_JOBID"), placement);
  return placement;
}

}  // namespace

Launcher open_mpi() {
  return {"Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
          [](const Variables& v) {
            return v.has("OMPI_COMM_WORLD_RANK") || v.has("OMPI_COMM_WORLD_SIZE");
          },
          place_open_mpi};
}

Launcher mpich() {
  return {"MPICH", "PMI_RANK", "PMI_SIZE",
          [](const Variables& v) { return v.has("PMI_RANK") || v.has("PMI_SIZE"); }, place_mpich};
}

}  // namespace nearfar
