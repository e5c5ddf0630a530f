// Epochs, steps, log lines and checkpoints.
#include "framework/train/epoch_loop.h"

#include <algorithm>
#include <cmath>

#include "framework/checkpoint/tensors.h"
#include "framework/error.h"
#include "framework/evaluate/features.h"
#include "framework/train/encoder_file.h"
#include "framework/train/plan.h"
#include "framework/train/signs_of_life.h"

namespace nearfar {
namespace {

constexpr const char* kOrderFile = "order.safetensors";

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double unix_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

EpochLoop::EpochLoop(const ResolvedRun& run, const RunFolder& folder, Training& training,
                     Group& group, ProgressBar& progress, Log& log)
    : run_(run),
      folder_(folder),
      training_(training),
      group_(group),
      progress_(progress),
      log_(log),
      loader_(run.data.train, training.recipe().views(), loader_plan(run, group), log) {}

void EpochLoop::restore(const std::optional<Generation>& generation) {
  if (generation) {
    const int64_t size = generation->state.at("dataset_size").as_int();
    if (size != run_.data.train->info().size) {
      throw CheckpointError(generation->path + ": trained on " + std::to_string(size) +
                            " images, but " + run_.data.train->info().path + " now has " +
                            std::to_string(run_.data.train->info().size));
    }
    training_.load(*generation);
    const std::string order = generation->path + "/" + kOrderFile;
    if (generation->state.at("recipe_order").as_bool()) {
      const at::Tensor saved = to_tensors(read_safetensors(order)).front().second;
      recipe_order_.assign(saved.data_ptr<int64_t>(), saved.data_ptr<int64_t>() + saved.numel());
      order_restored_ = true;
    }
    restore_skipped(generation->state.at("skipped_images"));
    saved_step_ = training_.step();
  }
  truncate_after_step(folder_.log(), training_.step());
  lines_.emplace(folder_.log());
}

void EpochLoop::restore_skipped(const Json& list) {
  std::vector<SkippedImage> images;
  for (const Json& entry : list.items()) {
    images.push_back({entry.at("index").as_int(), entry.at("reason").as_string()});
  }
  loader_.restore_skipped(images);
}

void EpochLoop::check_order(const std::vector<int64_t>& order, size_t length) const {
  const int64_t size = run_.data.train->info().size;
  const bool inside = std::all_of(order.begin(), order.end(),
                                  [size](int64_t index) { return index >= 0 && index < size; });
  TORCH_CHECK(order.size() == length && inside, "before_epoch: expected an order of ", length,
              " indices in [0, ", size, "), got ", order.size());
}

void EpochLoop::begin_epoch(int64_t epoch, int64_t first_step) {
  const uint64_t seed = training_.plan().seed;
  const EpochSampler sampler(*run_.data.train, sampler_plan(run_.config));
  const std::vector<int64_t> drawn = sampler.order(seed, epoch);
  if (first_step == 0) {
    std::vector<int64_t> order = drawn;
    FeatureOptions options;
    options.image_size = training_.recipe().views().front().size;
    options.normalize = run_.normalize;
    options.workers = static_cast<int>(run_.config.data.workers);
    EpochContext context{epoch,
                         group_,
                         run_.data.train->info(),
                         Random(seed, static_cast<uint64_t>(epoch), 0, Purpose::recipe, 1),
                         [&](Encoder& encoder) {
                           return extract_features(encoder, *run_.data.train, options).features;
                         },
                         order};
    training_.recipe().before_epoch(context);
    check_order(order, drawn.size());
    recipe_order_ = order == drawn ? std::vector<int64_t>{} : std::move(order);
  } else if (!order_restored_) {
    recipe_order_.clear();
  }
  order_restored_ = false;
  loader_.begin_epoch(epoch, recipe_order_.empty() ? drawn : recipe_order_, first_step);
}

StepReport EpochLoop::take_step() {
  const auto asked = Clock::now();
  ViewBatch batch = loader_.next();
  interval_wait_ += seconds_since(asked);
  interval_images_ += batch.shard.total;
  const StepReport report = training_.train_step(batch);
  loader_.recycle(std::move(batch));
  ++steps_here_;
  return report;
}

std::string EpochLoop::last_good_checkpoint() const {
  return saved_step_ < 0 ? ""
                         : "; the last good checkpoint is of step " + std::to_string(saved_step_);
}

int EpochLoop::run() {
  try {
    return run_epochs();
  } catch (const DivergedError& error) {
    throw DivergedError(error.what() + last_good_checkpoint());
  }
}

int EpochLoop::run_epochs() {
  const TrainPlan& plan = training_.plan();
  started_ = interval_started_ = Clock::now();
  while (training_.step() < plan.steps) {
    const int64_t epoch = training_.epoch();
    const int64_t end = std::min(plan.steps, (epoch + 1) * plan.steps_per_epoch);
    begin_epoch(epoch, training_.step() - epoch * plan.steps_per_epoch);
    while (training_.step() < end) {
      note(take_step());
      const bool stop = signals_.received() != 0;
      if (save_is_due() || stop) save();
      if (stop) return signals_.received();
    }
  }
  progress_.finish();
  return 0;
}

void EpochLoop::note(const StepReport& report) {
  last_loss_ = report.loss;
  last_random_guess_ = report.random_guess_loss;
  const int64_t step = training_.step();
  if (step % run_.config.train.log_every == 0 || step == training_.plan().steps || step == 1) {
    const double seconds = std::max(seconds_since(interval_started_), 1e-9);
    images_per_second_ = static_cast<double>(interval_images_) / seconds;
    data_wait_fraction_ = interval_wait_ / seconds;
    write_line(report);
    interval_started_ = Clock::now();
    interval_wait_ = 0.0;
    interval_images_ = 0;
  }
  show_progress();
}

void EpochLoop::write_line(const StepReport& report) {
  const at::Tensor& embedding = report.embeddings.front();
  Json line = Json::object();
  line["step"] = training_.step();
  line["epoch"] =
      static_cast<double>(training_.step()) / static_cast<double>(training_.plan().steps_per_epoch);
  line["loss"] = report.loss;
  line["random_guess_loss"] = report.random_guess_loss;
  line["learning_rate"] = report.learning_rate;
  line["images_per_second"] = images_per_second_;
  line["data_wait_fraction"] = data_wait_fraction_;
  line["grad_norm"] = report.gradient_norm;
  line["embedding_std"] = embedding_std(embedding);
  line["effective_rank"] = effective_rank(embedding);
  for (const auto& [name, value] : report.report) line[name] = value.item<double>();
  line["time"] = unix_time();
  lines_->append(line);
}

void EpochLoop::show_progress() {
  const TrainPlan& plan = training_.plan();
  Progress state;
  state.step = training_.step();
  state.total_steps = plan.steps;
  state.epoch = std::min(training_.epoch() + 1, plan.epochs);
  state.epochs = plan.epochs;
  state.images_per_second = images_per_second_;
  state.loss = last_loss_;
  state.random_guess_loss = last_random_guess_;
  state.data_wait_fraction = data_wait_fraction_;
  state.seconds_left = seconds_since(started_) /
                       static_cast<double>(std::max<int64_t>(steps_here_, 1)) *
                       static_cast<double>(plan.steps - state.step);
  progress_.update(state);
}

bool EpochLoop::save_is_due() const {
  const TrainPlan& plan = training_.plan();
  const int64_t every = run_.config.train.checkpoint_every;
  const int64_t step = training_.step();
  return step == plan.steps || step % (every > 0 ? every : plan.steps_per_epoch) == 0;
}

Json EpochLoop::state() const {
  Json state = Json::object();
  state["recipe"] = run_.config.recipe.name;
  state["epoch"] = training_.epoch();
  state["total_steps"] = training_.plan().steps;
  state["seed"] = run_.config.train.seed;
  state["threads"] = run_.config.threads;
  state["dataset_size"] = run_.data.train->info().size;
  state["recipe_order"] = !recipe_order_.empty();
  Json skipped = Json::array();
  for (const SkippedImage& image : loader_.skipped()) {
    Json entry = Json::object();
    entry["index"] = image.index;
    entry["reason"] = image.reason;
    skipped.push_back(std::move(entry));
  }
  state["skipped_images"] = std::move(skipped);
  return state;
}

std::vector<uint8_t> EpochLoop::encoder_bytes() const {
  return encode_encoder(run_, *training_.recipe().encoder(),
                        training_.recipe().views().front().size, training_.step());
}

void EpochLoop::save() {
  if (saved_step_ == training_.step()) return;
  std::vector<GenerationFile> contents = training_.save();
  contents.emplace_back("encoder.safetensors", encoder_bytes());
  if (!recipe_order_.empty()) {
    contents.emplace_back(kOrderFile,
                          encode_tensors({{"order", at::tensor(recipe_order_, at::kLong)}}));
  }
  try {
    save_generation(real_file_system(), folder_.checkpoints(), training_.step(), state(), contents,
                    run_.config.train.keep);
  } catch (const EnvironmentError& error) {
    throw EnvironmentError("checkpoint of step " + std::to_string(training_.step()) +
                           " not saved: " + error.what() + last_good_checkpoint());
  }
  saved_step_ = training_.step();
}

}  // namespace nearfar
