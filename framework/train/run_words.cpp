// Sentences about a run.
#include "framework/train/run_words.h"

#include "framework/log/quantities.h"
#include "framework/train/plan.h"
#include "framework/train/start_weights.h"

namespace nearfar {
namespace {

void say_learning_rate(const ResolvedRun& run, Log& log) {
  const OptimizerConfig& optimizer = run.config.optimizer;
  const double peak =
      scaled_learning_rate(optimizer.learning_rate, run.config.train.batch, optimizer.scaling);
  log.info("learning rate: peak " + format_significant(peak, 4) + " = " +
           format_significant(optimizer.learning_rate, 4) +
           (optimizer.scaling == "linear"
                ? " * batch " + std::to_string(run.config.train.batch) + " / 256"
            : optimizer.scaling == "sqrt"
                ? " * sqrt(batch " + std::to_string(run.config.train.batch) + ")"
                : " (not scaled)"));
}

std::string ranks_text(const Training& training) {
  const int ranks = training.group().size();
  return ranks == 1 ? "" : std::to_string(ranks) + " ranks, each with ";
}

/// The recipe's buffers that take memory: queues, banks.
void say_buffers(Training& training, Log& log) {
  constexpr size_t kWorthSaying = size_t{1} << 20;
  for (const auto& item : training.recipe().named_buffers()) {
    const at::Tensor& buffer = item.value();
    if (buffer.nbytes() < kWorthSaying) continue;
    const auto rows = training.sharded().find(item.key());
    const bool in_pieces = rows != training.sharded().end() && training.group().size() > 1;
    log.info("buffer: " + item.key() + ", " + format_count(buffer.size(0)) +
             (in_pieces ? " of " + format_count(rows->second) + " rows, " : " rows, ") +
             c10::toString(buffer.scalar_type()) + ", " +
             format_fixed(static_cast<double>(buffer.nbytes()) / 1048576.0, 1) +
             " MiB on each rank");
  }
}

}  // namespace

void say_plan(const ResolvedRun& run, Training& training, const RunFolder& folder, Log& log) {
  const RunConfig& config = run.config;
  const std::string sampler = EpochSampler(*run.data.train, sampler_plan(config)).words();
  if (!sampler.empty()) log.info("sampler: " + sampler);
  int64_t parameters = 0;
  for (const at::Tensor& p : training.recipe().encoder()->parameters()) parameters += p.numel();
  log.info("encoder: " + config.encoder.name + ", " + format_count(parameters) + " parameters, " +
           std::to_string(training.recipe().encoder()->width()) + " features");
  if (config.start) {
    log.info("initial weights: " + config.start->file.path + ", " +
             to_words(start_from(*config.start, config.encoder, *training.recipe().encoder())));
  }
  log.info("run: " + folder.path + ", " + format_count(training.plan().steps) + " steps of " +
           std::to_string(config.train.batch) + " images, " + ranks_text(training) +
           std::to_string(config.threads) + (config.threads == 1 ? " thread, " : " threads, ") +
           std::to_string(config.data.workers) + " data workers, " + config.device + ", " +
           config.train.precision +
           (config.train.micro_batch == 0
                ? ""
                : ", micro-batches of " + std::to_string(config.train.micro_batch)));
  say_learning_rate(run, log);
  say_buffers(training, log);
}

}  // namespace nearfar
