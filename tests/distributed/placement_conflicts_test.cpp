// Environments that contradict themselves are refused with the variables and their values.
#include <gtest/gtest.h>

#include "tests/distributed/recorded_environments.h"

namespace nearfar {
namespace {

TEST(Placement, NearfarLaunchRefusesWhatItDidNotWrite) {
  const std::string good = "rank=0 ranks=2 host=h port=1 attempt=0 launcher=1 run_id=x";
  EXPECT_EQ(refusal({{kLaunchVariable, good}}), "");
  for (const std::string bad :
       {"yes", "rank=2 ranks=2 host=h port=1 attempt=0 launcher=1 run_id=x", "rank=0 ranks=2",
        "rank=0 ranks=2 host=h port=99999 attempt=0 launcher=1 run_id=x",
        "rank=0 ranks=2 host= port=1 attempt=0 launcher=1 run_id=x",
        "rank=0 ranks=2 host=h port=1 attempt=-1 launcher=1 run_id=x"}) {
    expect_refused((Environment{{kLaunchVariable, bad}}), {kLaunchVariable, bad});
  }
}

TEST(Placement, TorchrunsContradictions) {
  expect_refused(recorded("torchrun_rank1", {"RANK=2"}), {"RANK=2", "WORLD_SIZE=2"});
  expect_refused(recorded("torchrun_rank1", {"LOCAL_RANK=2"}),
                 {"LOCAL_RANK=2", "LOCAL_WORLD_SIZE=2"});
  expect_refused(recorded("torchrun_rank1", {"LOCAL_WORLD_SIZE=4"}),
                 {"LOCAL_WORLD_SIZE=4", "WORLD_SIZE=2"});
  expect_refused(recorded("torchrun_rank1", {"WORLD_SIZE"}), {"RANK=1", "WORLD_SIZE, too"});
  expect_refused(recorded("torchrun_rank1", {"MASTER_PORT", "MASTER_ADDR"}),
                 {"sets MASTER_ADDR, MASTER_PORT, too"});
  expect_refused(recorded("torchrun_rank1", {"RANK=-1"}), {"RANK=-1"});
  expect_refused(recorded("torchrun_rank1", {"RANK=one"}), {"RANK=one", "whole number"});
  expect_refused(recorded("torchrun_rank1", {"WORLD_SIZE=0"}), {"WORLD_SIZE=0"});
  expect_refused(recorded("torchrun_rank1", {"TORCHELASTIC_RESTART_COUNT=x"}),
                 {"TORCHELASTIC_RESTART_COUNT=x"});
  for (const std::string port : {"MASTER_PORT=http", "MASTER_PORT=70000", "MASTER_PORT=0"}) {
    expect_refused(recorded("torchrun_rank1", {port}), {port, "port from 1 to 65535"});
  }
  expect_refused((Environment{{"RANK", "1"}, {"WORLD_SIZE", "2"}}),
                 {"RANK=1", "WORLD_SIZE=2", "LOCAL_RANK"});
  expect_refused((Environment{{"LOCAL_RANK", "1"}}), {"LOCAL_RANK=1", "WORLD_SIZE"});
}

TEST(Placement, SlurmAndTorchrunThatCannotBothBeMeant) {
  expect_refused(recorded("torchrun_in_srun", {"SLURM_NTASKS=4"}),
                 {"SLURM_NTASKS=4", "SLURM", "4 ranks on 2 hosts"});
  expect_refused(recorded("torchrun_in_srun", {"GROUP_WORLD_SIZE=1"}),
                 {"SLURM_NTASKS=2", "torchrun", "1 host"});
  // RANK and the others set by hand from SLURM's.
  Environment by_hand =
      recorded("slurm_rank4", {"RANK=4", "WORLD_SIZE=5", "LOCAL_RANK=0", "LOCAL_WORLD_SIZE=1",
                               "MASTER_ADDR=a01", "MASTER_PORT=4000"});
  EXPECT_EQ(placed(by_hand), "4/5 0/1 a01:4000");
  by_hand["RANK"] = "3";
  expect_refused(by_hand, {"RANK=3", "SLURM_PROCID=4"});
  by_hand["RANK"] = "4";
  by_hand["WORLD_SIZE"] = "8";
  expect_refused(by_hand, {"WORLD_SIZE=8", "SLURM_NTASKS=5"});
}

TEST(Placement, SlurmsContradictions) {
  expect_refused(recorded("slurm_rank4", {"SLURM_PROCID=5"}), {"SLURM_PROCID=5", "SLURM_NTASKS=5"});
  expect_refused(recorded("slurm_rank4", {"SLURM_LOCALID=1"}),
                 {"SLURM_LOCALID=1", "SLURM_STEP_TASKS_PER_NODE=2(x2),1"});
  expect_refused(recorded("slurm_rank4", {"SLURM_STEP_TASKS_PER_NODE=2(x3),1"}),
                 {"SLURM_STEP_TASKS_PER_NODE=2(x3),1", "SLURM_NTASKS=5"});
  expect_refused(recorded("slurm_rank4", {"SLURM_STEP_TASKS_PER_NODE=2(x"}),
                 {"SLURM_STEP_TASKS_PER_NODE=2(x"});
  expect_refused(recorded("slurm_rank4", {"SLURM_NODEID=3"}), {"SLURM_NODEID=3"});
  expect_refused(recorded("slurm_rank4", {"SLURM_STEP_NODELIST=a[01"}),
                 {"SLURM_STEP_NODELIST=a[01", "bracket"});
  expect_refused(recorded("slurm_rank4", {"MASTER_PORT=none"}), {"MASTER_PORT=none"});
  expect_refused(recorded("slurm_rank4", {"SLURM_NTASKS"}), {"SLURM_NTASKS"});
}

TEST(Placement, OpenMpiAndSlurmThatCannotBothBeMeant) {
  const std::vector<std::string> address = {"MASTER_ADDR=a01", "MASTER_PORT=4000"};
  std::vector<std::string> more = address;
  more.push_back("SLURM_NTASKS=8");
  more.push_back("SLURM_STEP_TASKS_PER_NODE=4(x2)");
  expect_refused(recorded("open_mpi_daemons_by_slurm", more),
                 {"SLURM_NTASKS=8", "OMPI_COMM_WORLD_SIZE=4"});
  std::vector<std::string> as_many = address;
  as_many.push_back("SLURM_NTASKS=4");
  as_many.push_back("SLURM_STEP_TASKS_PER_NODE=2(x2)");
  expect_refused(recorded("open_mpi_daemons_by_slurm", as_many),
                 {"SLURM_PROCID=1", "OMPI_COMM_WORLD_RANK=2"});
  as_many.push_back("SLURM_PROCID=2");
  EXPECT_EQ(find_placement(recorded("open_mpi_daemons_by_slurm", as_many)).source, "SLURM");
}

TEST(Placement, OpenMpisContradictions) {
  expect_refused(recorded("open_mpi_rank1", {"OMPI_COMM_WORLD_RANK=2"}),
                 {"OMPI_COMM_WORLD_RANK=2", "OMPI_COMM_WORLD_SIZE=2"});
  expect_refused(recorded("open_mpi_rank1", {"OMPI_COMM_WORLD_LOCAL_RANK=2"}),
                 {"OMPI_COMM_WORLD_LOCAL_RANK=2", "OMPI_COMM_WORLD_LOCAL_SIZE=2"});
  expect_refused(recorded("open_mpi_rank1", {"OMPI_COMM_WORLD_LOCAL_SIZE=3"}),
                 {"OMPI_COMM_WORLD_LOCAL_SIZE=3", "OMPI_COMM_WORLD_SIZE=2"});
  expect_refused(recorded("open_mpi_rank1", {"OMPI_COMM_WORLD_SIZE"}),
                 {"OMPI_COMM_WORLD_RANK=1", "OMPI_COMM_WORLD_SIZE, too"});
}

TEST(Placement, KubeflowsContradictions) {
  expect_refused(recorded("kubeflow_v1_worker0", {"PET_NNODES=3"}),
                 {"WORLD_SIZE=4", "PET_NNODES=3"});
  expect_refused(recorded("kubeflow_v1_worker0", {"PET_NODE_RANK=0"}),
                 {"RANK=1", "PET_NODE_RANK=0"});
  expect_refused(recorded("kubeflow_v1_old_worker1", {"RANK=3"}), {"RANK=3", "WORLD_SIZE=3"});
  expect_refused(recorded("kubeflow_v1_old_worker1", {"MASTER_ADDR"}), {"MASTER_ADDR, too"});
  expect_refused(recorded("kubeflow_v2_node1", {"PET_NODE_RANK=2"}),
                 {"PET_NODE_RANK=2", "PET_NNODES=2"});
  expect_refused(recorded("kubeflow_v2_node1", {"PET_NNODES=1:3"}), {"PET_NNODES=1:3"});
  expect_refused(recorded("kubeflow_v2_node1", {"PET_MASTER_PORT=x"}), {"PET_MASTER_PORT=x"});
}

TEST(Placement, NearfarLaunchStartedSeveralTimesIsRefused) {
  const std::string text = "rank=1 ranks=2 host=h port=1 attempt=0 launcher=1 run_id=x";
  for (const auto& [name, value] :
       {std::pair("slurm_pmi2_rank1", "SLURM_NTASKS=2"),
        std::pair("open_mpi_rank1", "OMPI_COMM_WORLD_SIZE=2"),
        std::pair("mpich_rank1", "PMI_SIZE=2"), std::pair("torchrun_rank1", "WORLD_SIZE=2"),
        std::pair("kubeflow_v2_node1", "PET_NNODES=2")}) {
    Environment environment = recorded(name);
    environment[kLaunchVariable] = text;
    expect_refused(environment, {value, "nearfar launch", "2 ranks on 1 host"});
  }
  Environment shell = recorded("slurm_shell_one_task");
  shell[kLaunchVariable] = text;
  EXPECT_EQ(placed(shell), "1/2 1/2 h:1");
}

}  // namespace
}  // namespace nearfar
