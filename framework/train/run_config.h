// The whole config of a run: every key that `nearfar pretrain` understands.
#pragma once

#include <memory>
#include <string>

#include "framework/data/open.h"
#include "framework/encoders/encoder_config.h"
#include "framework/evaluate/evaluation.h"
#include "framework/optimize/optimizer.h"
#include "framework/optimize/schedule.h"
#include "framework/recipe/plugin.h"
#include "framework/report/report_config.h"

namespace nearfar {

struct TrainConfig {
  int64_t epochs = 100;
  int64_t steps = 0;
  int64_t batch = 256;
  int64_t micro_batch = 0;
  double memory = 0.0;
  std::string precision = "fp32";
  int64_t seed = 0;
  int64_t checkpoint_every = 0;
  int64_t keep = 2;
  int64_t log_every = 10;
  bool tensorboard = true;
  std::string reduction = "fast";
  int64_t shards = 4;
  std::string wire = "fp32";
  int64_t bucket = 25;
  std::string unused_parameters = "error";
  int64_t check_ranks = 1000;
  bool self_test = true;
  double deadline = 600.0;

  void describe(auto& field) {
    field("epochs", epochs, int64_t{1}, int64_t{1} << 31, "passes over the data");
    field("steps", steps, int64_t{0}, int64_t{1} << 40, "stop after this many steps; 0: by epochs");
    field("batch", batch, int64_t{1}, int64_t{1} << 24, "images per step over all ranks");
    field("micro_batch", micro_batch, int64_t{0}, int64_t{1} << 24,
          "images embedded at a time on a device, by gradient caching: the gradient stays that of "
          "the whole batch; 0: all, or what train.memory holds");
    field("memory", memory, 0.0, 1048576.0,
          "GiB for training on a device: the largest micro-batch that fits is taken; 0: no limit");
    field("precision", precision, {"fp32", "bf16", "auto"},
          "of the networks; losses, statistics and parameters are float32. auto: bf16 where it is "
          "measured to be faster on this machine, and so not the same bits everywhere");
    field("seed", seed, int64_t{0}, int64_t{1} << 53,
          "every random choice of the run follows from it");
    field("checkpoint_every", checkpoint_every, int64_t{0}, int64_t{1} << 40,
          "steps between checkpoints; 0: at the end of each epoch");
    field("keep", keep, int64_t{2}, int64_t{1000000}, "checkpoints kept");
    field("log_every", log_every, int64_t{1}, int64_t{1000000}, "steps between lines of log.jsonl");
    field("tensorboard", tensorboard, "write event files for TensorBoard beside log.jsonl");
    field("reduction", reduction, {"fast", "ordered"},
          "sums over ranks. fast: as the transport adds them; ordered: the batch is cut into "
          "train.shards pieces and sums over them are taken in a fixed tree, so that any number of "
          "ranks that divides them gives the same bits (slower)");
    field("shards", shards, int64_t{1}, int64_t{4096},
          "pieces of the batch under train.reduction=ordered; a process works on several, each "
          "with `threads` threads and weights of its own, where there are fewer ranks");
    field("wire", wire, {"fp32", "bf16"},
          "type in which gradients travel between ranks; bf16: half the bytes, rounded");
    field("bucket", bucket, int64_t{1}, int64_t{4096},
          "MiB of gradients that are sent to the other ranks at a time while backward goes on");
    field("unused_parameters", unused_parameters, {"error", "allow"},
          "parameters that a step's loss does not depend on. allow: their gradient is zero");
    field("check_ranks", check_ranks, int64_t{0}, int64_t{1} << 40,
          "steps between checks that all ranks hold the same bits; 0: at the start alone");
    field("self_test", self_test,
          "before the first step of several ranks, compare the recipe's gradient over the ranks "
          "with that of one rank");
    field("deadline", deadline, 1.0, 1e6,
          "seconds that a rank waits for the others before the run ends");
  }
};

/// The keys of the chosen recipe, behind the pointers of its descriptor.
struct RecipeSection {
  std::string name;
  std::string library;
  const RecipePlugin* plugin = nullptr;
  std::shared_ptr<void> config;

  void describe(Fields& field);
};

struct StartWeights;

struct RunConfig {
  RecipeSection recipe;
  DataConfig data;
  EncoderConfig encoder;
  TrainConfig train;
  OptimizerConfig optimizer;
  ScheduleConfig schedule;
  EvaluationConfig evaluate;
  ReportConfig report;
  std::string device = "auto";
  int64_t threads = 0;
  /// Not a key: what encoder.weights names, where the run starts from it. Null: the encoder's own
  /// initialisation, or a checkpoint that follows.
  std::shared_ptr<const StartWeights> start;

  void describe(Fields& field) {
    field("recipe", recipe, "the method and its own keys");
    field("data", data, "what is learned from");
    field("encoder", encoder, "the network that is kept");
    field("train", train, "how long, how much at a time, what is saved");
    field("optimizer", optimizer, "the update rule");
    field("schedule", schedule, "the learning rate over time");
    field("evaluate", evaluate, "how `nearfar evaluate` judges");
    field("report", report, "what `nearfar report` shows of the images");
    field("device", device, {"auto", "cpu", "cuda"}, "auto: a GPU where one can be used");
    field("threads", threads, int64_t{0}, int64_t{4096},
          "threads of the numerics; 0: one a core. Results are bit-equal for equal threads");
  }
};

/// A RunConfig for the recipe of an opened library, with the recipe's defaults. What the recipe's
/// code throws is contained.
RunConfig make_run_config(const RecipePlugin& plugin);

}  // namespace nearfar
