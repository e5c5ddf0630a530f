// Ranks of torchrun, and pods of Kubeflow's PyTorchJob (v1) and TrainJob (Trainer v2).
#include <utility>

#include "distributed/launchers.h"

namespace nearfar {
namespace {

Placement place_torchrun(const Variables& variables) {
  variables.require("torchrun", {"RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE",
                                 "MASTER_ADDR", "MASTER_PORT"});
  variables.check_below("RANK", "WORLD_SIZE");
  variables.check_below("LOCAL_RANK", "LOCAL_WORLD_SIZE");
  Placement placement;
  placement.rank = variables.number("RANK");
  placement.ranks = variables.number("WORLD_SIZE", 1);
  placement.local_rank = variables.number("LOCAL_RANK");
  placement.local_ranks = variables.number("LOCAL_WORLD_SIZE", 1);
  if (placement.local_ranks > placement.ranks) {
    throw PlacementError(variables.quote("LOCAL_WORLD_SIZE") + ", " +
                         variables.quote("WORLD_SIZE") + ": more ranks on this host than in all");
  }
  take_address(variables, placement);
  placement.store_served = variables.text("TORCHELASTIC_USE_AGENT_STORE") == "True";
  if (variables.has("TORCHELASTIC_RESTART_COUNT")) {
    placement.attempt = variables.number("TORCHELASTIC_RESTART_COUNT");
  }
  placement.run_id = variables.text("TORCHELASTIC_RUN_ID");
  return placement;
}

bool in_kubernetes(const Variables& variables) {
  return variables.has("KUBERNETES_SERVICE_HOST") || variables.has("KUBERNETES_PORT");
}

/// Throws unless a pod is one rank. "auto" counts devices, which torchrun would do.
void check_one_process(const Variables& variables) {
  const std::string processes = variables.text("PET_NPROC_PER_NODE");
  if (processes.empty() || processes == "1" || processes == "auto") return;
  throw PlacementError(variables.quote("PET_NPROC_PER_NODE") +
                       ": a pod of several ranks must start them: torchrun --no-python nearfar "
                       "pretrain ..., or on one host nearfar launch --ranks " +
                       processes + " pretrain ...");
}

Placement place_pod(const Variables& variables, const char* rank, const char* ranks,
                    const char* host, const char* port) {
  variables.require("Kubeflow", {rank, ranks, host, port});
  variables.check_below(rank, ranks);
  check_one_process(variables);
  Placement placement;
  placement.rank = variables.number(rank);
  placement.ranks = variables.number(ranks, 1);
  placement.host = variables.text(host);
  placement.port = variables.port(port);
  return placement.ranks == 1 ? Placement() : placement;
}

/// RANK and WORLD_SIZE count pods.
Placement place_pytorch_job(const Variables& variables) {
  if (!in_kubernetes(variables)) {
    variables.require("torchrun", {"RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE",
                                   "MASTER_ADDR", "MASTER_PORT"});
  }
  for (const auto& [name, again] :
       {std::pair("RANK", "PET_NODE_RANK"), std::pair("WORLD_SIZE", "PET_NNODES"),
        std::pair("MASTER_ADDR", "PET_MASTER_ADDR"), std::pair("MASTER_PORT", "PET_MASTER_PORT")}) {
    if (variables.has(name) && variables.has(again) &&
        variables.text(name) != variables.text(again)) {
      check_one_process(variables);
      throw PlacementError(variables.quote(name) + ", " + variables.quote(again) +
                           ": expected the same for a pod of one rank");
    }
  }
  return place_pod(variables, "RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT");
}

Placement place_train_job(const Variables& variables) {
  return place_pod(variables, "PET_NODE_RANK", "PET_NNODES", "PET_MASTER_ADDR", "PET_MASTER_PORT");
}

}  // namespace

Launcher torchrun() {
  return {"torchrun", "RANK", "WORLD_SIZE",
          [](const Variables& v) {
            return v.has("TORCHELASTIC_RUN_ID") || v.has("LOCAL_RANK") || v.has("LOCAL_WORLD_SIZE");
          },
          place_torchrun};
}

Launcher pytorch_job() {
  return {"Kubeflow PyTorchJob", "RANK", "WORLD_SIZE",
          [](const Variables& v) { return v.has("RANK") || v.has("WORLD_SIZE"); },
          place_pytorch_job};
}

Launcher train_job() {
  return {"Kubeflow Trainer", "PET_NODE_RANK", "PET_NNODES",
          [](const Variables& v) { return v.has("PET_NODE_RANK") || v.has("PET_NNODES"); },
          place_train_job};
}

}  // namespace nearfar
