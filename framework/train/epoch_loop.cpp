// Epochs, steps, log lines and checkpoints.
#include "framework/train/epoch_loop.h"

#include <algorithm>
#include <chrono>

#include "framework/checkpoint/tensors.h"
#include "framework/error.h"
#include "framework/evaluate/features.h"
#include "framework/log/clock.h"
#include "framework/train/encoder_file.h"
#include "framework/train/plan.h"

namespace nearfar {
namespace {

constexpr const char* kOrderFile = "order.safetensors";

}  // namespace

EpochLoop::EpochLoop(const ResolvedRun& run, const RunFolder& folder, Training& training,
                     Group& group, ProgressBar& progress, Log& log)
    : run_(run),
      folder_(folder),
      training_(training),
      group_(group),
      log_(log),
      run_log_(run, folder, training.plan(), progress, log),
      loader_(run.data.train, training.recipe().views(), loader_plan(run, group), log),
      online_(run, training.recipe().views().front().size, log) {}

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
  run_log_.open(training_.step());
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
  order_ = recipe_order_.empty() ? drawn : recipe_order_;
  loader_.begin_epoch(epoch, order_, first_step);
}

void EpochLoop::take_step() {
  const auto asked = std::chrono::steady_clock::now();
  ViewBatch batch = loader_.next();
  run_log_.waited(seconds_since(asked));
  remember(batch);
  const StepReport report = training_.train_step(batch);
  const std::vector<LogNumber> judged = judge_online();
  run_log_.note(report, training_.step(), batch.shard.total, training_.recipe(), judged);
  loader_.recycle(std::move(batch));
}

std::vector<LogNumber> EpochLoop::judge_online() {
  std::vector<LogNumber> numbers;
  const auto result =
      online_.evaluate_if_due(*training_.recipe().encoder(), training_.step(), training_.plan());
  if (!result) return numbers;
  for (const auto& [name, value] : result->numbers) numbers.push_back({"online", name, value});
  run_log_.leave_out(result->seconds);
  return numbers;
}

std::string EpochLoop::last_good_checkpoint() const {
  return saved_step_ < 0 ? ""
                         : "; the last good checkpoint is of step " + std::to_string(saved_step_);
}

void EpochLoop::remember(const ViewBatch& batch) {
  constexpr size_t kRemembered = 8;
  const auto first =
      order_.begin() + batch.step_in_epoch * training_.plan().batch + batch.shard.begin;
  latest_.push_back({training_.step(), training_.epoch(),
                     std::vector<int64_t>(first, first + batch.shard.size()), batch.index});
  if (latest_.size() > kRemembered) latest_.pop_front();
}

/// Where the step can be done again, as the end of an error's sentence.
std::string EpochLoop::leave_replay(const std::string& what) {
  // The failing step itself; where the state was found bad afterwards, the one that made it.
  const auto failing =
      std::find_if(latest_.rbegin(), latest_.rend(),
                   [this](const StepImages& images) { return images.step <= training_.step(); });
  if (failing == latest_.rend()) return "";
  try {
    run_log_.finish(training_.step(), /*success=*/false);
    return "; to see where it starts: nearfar pretrain --replay " +
           write_divergence(run_, folder_, training_, *failing, what);
  } catch (const EnvironmentError& error) {
    log_.warning(std::string("nothing to replay is left: ") + error.what());
    return "";
  }
}

int EpochLoop::run() {
  try {
    return run_epochs();
  } catch (const DivergedError& error) {
    throw DivergedError(error.what() + last_good_checkpoint() + leave_replay(error.what()));
  }
}

int EpochLoop::run_epochs() {
  const TrainPlan& plan = training_.plan();
  run_log_.start();
  while (training_.step() < plan.steps) {
    const int64_t epoch = training_.epoch();
    const int64_t end = std::min(plan.steps, (epoch + 1) * plan.steps_per_epoch);
    begin_epoch(epoch, training_.step() - epoch * plan.steps_per_epoch);
    while (training_.step() < end) {
      take_step();
      const bool stop = signals_.received() != 0;
      if (save_is_due() || stop) save();
      if (stop) return signals_.received();
    }
  }
  run_log_.finish(training_.step(), /*success=*/true);
  return 0;
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
  training_.settle();
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
