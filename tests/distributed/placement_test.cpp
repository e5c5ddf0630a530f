// Places ranks by environments that launchers were seen to give.
#include "distributed/placement.h"

#include <gtest/gtest.h>

#include "tests/distributed/recorded_environments.h"

namespace nearfar {
namespace {

TEST(Placement, AloneWithoutAnyLauncher) {
  const Placement alone = find_placement({{"HOME", "/root"}, {"MASTER_ADDR", "a01"}});
  EXPECT_EQ(place(alone), "0/1 0/1 :0");
  EXPECT_EQ(alone.source, "");
  EXPECT_TRUE(alone.notes.empty());
}

TEST(Placement, NearfarLaunchReadsWhatItWrites) {
  Placement sent;
  sent.rank = 1;
  sent.ranks = 4;
  sent.host = "127.0.0.1";
  sent.port = 4242;
  sent.attempt = 2;
  sent.launcher = 99;
  sent.run_id = "e1f0";
  const Placement got = find_placement({{kLaunchVariable, launch_text(sent)}});
  EXPECT_EQ(place(got), "1/4 1/4 127.0.0.1:4242");
  EXPECT_EQ(got.source, "nearfar launch");
  EXPECT_TRUE(got.store_served);
  EXPECT_EQ(got.attempt, 2);
  EXPECT_EQ(got.launcher, 99);
  EXPECT_EQ(got.run_id, "e1f0");
}

TEST(Placement, Torchrun) {
  const Placement rank = find_placement(recorded("torchrun_rank1"));
  EXPECT_EQ(place(rank), "1/2 1/2 127.0.0.1:29500");
  EXPECT_EQ(rank.source, "torchrun");
  EXPECT_TRUE(rank.store_served);
  EXPECT_EQ(rank.run_id, "none");
  EXPECT_EQ(rank.attempt, 0);
  EXPECT_TRUE(rank.notes.empty());
  EXPECT_EQ(find_placement(recorded("torchrun_rank1", {"TORCHELASTIC_RESTART_COUNT=3"})).attempt,
            3);
  for (const std::string other :
       {"TORCHELASTIC_USE_AGENT_STORE=False", "TORCHELASTIC_USE_AGENT_STORE=1",
        "TORCHELASTIC_USE_AGENT_STORE"}) {
    EXPECT_FALSE(find_placement(recorded("torchrun_rank1", {other})).store_served) << other;
  }
  EXPECT_EQ(placed(recorded("torchrun_standalone_rank0")), "0/2 0/2 localhost:46159");
}

TEST(Placement, TorchrunOverSlurm) {
  const Placement rank = find_placement(recorded("torchrun_in_srun"));
  EXPECT_EQ(place(rank), "3/4 1/2 localhost:35917");
  EXPECT_EQ(rank.source, "torchrun");
  expect_note(rank, "SLURM_NTASKS=2");
}

TEST(Placement, TorchrunInKubeflowReadsItsVariablesItself) {
  Environment pod = recorded("kubeflow_v2_node1", {"PET_NPROC_PER_NODE=2", "PET_NNODES=1:3"});
  pod.merge(recorded("torchrun_rank1"));
  EXPECT_EQ(placed(pod), "1/2 1/2 127.0.0.1:29500");
}

TEST(Placement, Slurm) {
  const Placement rank = find_placement(recorded("slurm_rank4"));
  EXPECT_EQ(place(rank), "4/5 0/1 a01:15002");
  EXPECT_EQ(rank.source, "SLURM");
  EXPECT_EQ(rank.run_id, "2.0");
  EXPECT_FALSE(rank.store_served);
  EXPECT_EQ(placed(recorded("slurm_direct_rank3")), "3/5 1/2 a01:15001");
  EXPECT_EQ(placed(recorded("slurm_rank4", {"SLURM_JOB_ID=1234567"})), "4/5 0/1 a01:19567");
  EXPECT_EQ(placed(recorded("slurm_rank4", {"MASTER_PORT=4000"})), "4/5 0/1 a01:4000");
  EXPECT_EQ(placed(recorded("slurm_rank4", {"MASTER_ADDR=ib-a01"})), "4/5 0/1 ib-a01:15002");
  EXPECT_EQ(placed(recorded("slurm_rank4", {"SLURM_STEP_NODELIST=n[09-10,12]-ib"})),
            "4/5 0/1 n09-ib:15002");
  EXPECT_EQ(find_placement(recorded("slurm_rank4", {"SLURM_RESTART_COUNT=2"})).run_id,
            "2.0.restart2");
  EXPECT_EQ(placed(recorded("slurm_pmi2_rank1")), "1/2 0/1 a01:15005");
}

TEST(Placement, SlurmStepOnFewerHostsThanItsJob) {
  EXPECT_EQ(placed(recorded("slurm_one_host_of_three")), "1/2 1/2 127.0.0.1:15002");
  Environment job = recorded("slurm_one_host_of_three",
                             {"SLURM_STEP_TASKS_PER_NODE=1(x2)", "SLURM_STEP_NODELIST=a[02-03]",
                              "SLURM_LOCALID=0", "SLURM_NODEID=1"});
  EXPECT_EQ(placed(job), "1/2 0/1 a02:15002");
}

TEST(Placement, SlurmWithoutSrun) {
  expect_refused(recorded("slurm_batch_script"), {"SLURM_NTASKS=5", "srun"});
  EXPECT_EQ(placed(recorded("slurm_batch_script", {"SLURM_NTASKS=1"})), "0/1 0/1 :0");
  EXPECT_EQ(placed(recorded("slurm_batch_script", {"SLURM_NTASKS"})), "0/1 0/1 :0");
  Environment launched = recorded("slurm_batch_script");
  launched[kLaunchVariable] = "rank=1 ranks=2 host=h port=1 attempt=0 launcher=1 run_id=x";
  EXPECT_EQ(placed(launched), "1/2 1/2 h:1");
}

TEST(Placement, InteractiveShellsOfSlurm) {
  const Placement shell = find_placement(recorded("slurm_salloc_shell"));
  EXPECT_EQ(place(shell), "0/1 0/1 :0");
  expect_note(shell, "SLURM_NTASKS=3");
  // salloc's shell as newer versions start it: by a step with a number of its own.
  EXPECT_EQ(placed(recorded("slurm_salloc_srun_rank2", {"SLURM_STEP_ID=4294967290"})),
            "0/1 0/1 :0");
  EXPECT_EQ(placed(recorded("slurm_shell_one_task")), "0/1 0/1 :0");
  // Ranks, though the job is named after a shell.
  EXPECT_EQ(placed(recorded("slurm_salloc_srun_rank2")), "2/3 0/1 a01:15008");
  EXPECT_EQ(placed(recorded("slurm_srun_in_shell_rank1")), "1/2 1/2 127.0.0.1:15009");
  expect_refused(recorded("slurm_shell_two_tasks"), {"SLURM_JOB_NAME=bash", "SLURM_NTASKS=2"});
}

TEST(Placement, OpenMpi) {
  const Placement rank = find_placement(recorded("open_mpi_rank1"));
  EXPECT_EQ(rank.source, "Open MPI");
  EXPECT_EQ(rank.run_id, "1083899905");
  EXPECT_EQ(place(rank), "1/2 1/2 127.0.0.1:" + std::to_string(rank.port));
  EXPECT_GE(rank.port, 15000);
  EXPECT_LT(rank.port, 25000);
  const Environment zero = recorded(
      "open_mpi_rank1", {"OMPI_COMM_WORLD_RANK=0", "OMPI_COMM_WORLD_LOCAL_RANK=0", "PMIX_RANK=0"});
  EXPECT_EQ(find_placement(zero).port, rank.port);
  EXPECT_NE(find_placement(recorded("open_mpi_rank1", {"PMIX_NAMESPACE=other"})).port, rank.port);
  EXPECT_EQ(find_placement(recorded("open_mpi_rank1", {"PMIX_NAMESPACE"})).port, rank.port);
  EXPECT_EQ(placed(recorded("open_mpi_rank1", {"MASTER_PORT=4000"})), "1/2 1/2 127.0.0.1:4000");
}

TEST(Placement, OpenMpiOverSeveralHostsAsksForTheAddress) {
  const Environment daemons = recorded("open_mpi_daemons_by_slurm");
  expect_refused(daemons, {"MASTER_ADDR", "MASTER_PORT", "mpirun -x"});
  const Placement rank = find_placement(
      recorded("open_mpi_daemons_by_slurm", {"MASTER_ADDR=a01", "MASTER_PORT=4000"}));
  EXPECT_EQ(place(rank), "2/4 0/2 a01:4000");
  EXPECT_EQ(rank.source, "Open MPI");
  expect_note(rank, "SLURM_NTASKS=2");
}

TEST(Placement, Mpich) {
  const Placement rank = find_placement(recorded("mpich_rank1"));
  EXPECT_EQ(place(rank), "1/2 1/2 127.0.0.1:29500");
  EXPECT_EQ(rank.source, "MPICH");
  expect_refused(recorded("mpich_rank1", {"PMI_RANK=2"}), {"PMI_RANK=2", "PMI_SIZE=2"});
  expect_refused(recorded("mpich_rank1", {"MPI_LOCALRANKID=2"}),
                 {"MPI_LOCALRANKID=2", "MPI_LOCALNRANKS=2"});
  expect_refused(recorded("mpich_rank1", {"MPI_LOCALNRANKS"}), {"MPI_LOCALNRANKS, too"});
  expect_refused(recorded("mpich_rank1", {"PMI_SIZE=4"}), {"MASTER_ADDR", "-genv"});
  EXPECT_EQ(placed(recorded("mpich_rank1", {"PMI_SIZE=4", "MASTER_ADDR=n1"})), "1/4 1/2 n1:29500");
}

TEST(Placement, KubeflowCountsPods) {
  const Placement worker = find_placement(recorded("kubeflow_v1_worker0"));
  EXPECT_EQ(place(worker), "1/4 0/1 pretrain-master-0:23456");
  EXPECT_EQ(worker.source, "Kubeflow PyTorchJob");
  EXPECT_FALSE(worker.store_served);
  EXPECT_EQ(placed(recorded("kubeflow_v1_old_worker1")), "2/3 0/1 pretrain-master-0:23456");
  const Placement node = find_placement(recorded("kubeflow_v2_node1"));
  EXPECT_EQ(place(node), "1/2 0/1 pretrain-node-0-0.pretrain:29500");
  EXPECT_EQ(node.source, "Kubeflow Trainer");
}

TEST(Placement, KubeflowWithSeveralProcessesAPodNeedsALauncher) {
  expect_refused(recorded("kubeflow_v2_node1", {"PET_NPROC_PER_NODE=8"}),
                 {"PET_NPROC_PER_NODE=8", "torchrun --no-python", "nearfar launch --ranks 8"});
  expect_refused(recorded("kubeflow_v1_worker0", {"PET_NPROC_PER_NODE=8", "WORLD_SIZE=32"}),
                 {"PET_NPROC_PER_NODE=8", "torchrun"});
}

}  // namespace
}  // namespace nearfar
