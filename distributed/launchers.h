// What each kind of launcher says in the environment of the processes that it starts.
#pragma once

#include "distributed/variables.h"

namespace nearfar {

/// One kind of launcher: the names of its variables for the processes that it started, and how it
/// places a rank.
struct Launcher {
  const char* name;
  const char* rank;   // variable: the number of this process
  const char* ranks;  // variable: how many it started
  bool (*present)(const Variables&);
  Placement (*place)(const Variables&);  // throws PlacementError
};

Launcher torchrun();
Launcher slurm();
Launcher open_mpi();
Launcher mpich();
Launcher pytorch_job();  // Kubeflow, version 1
Launcher train_job();    // Kubeflow Trainer, version 2

}  // namespace nearfar
