// Epochs, steps, log lines and checkpoints.
#include "framework/train/epoch_loop.h"

#include <algorithm>
#include <chrono>

#include "distributed/texts.h"
#include "framework/checkpoint/tensors.h"
#include "framework/error.h"
#include "framework/evaluate/features.h"
#include "framework/log/clock.h"
#include "framework/recipe/contained.h"
#include "framework/train/agreement.h"
#include "framework/train/encoder_file.h"
#include "framework/train/plan.h"

namespace nearfar {
namespace {

constexpr const char* kOrderFile = "order.safetensors";
constexpr size_t kLargestText = size_t{1} << 28;  // a name for each image of a large batch

Json json_of(const std::vector<SkippedImage>& images) {
  Json list = Json::array();
  for (const SkippedImage& image : images) {
    Json entry = Json::object();
    entry["index"] = image.index;
    entry["reason"] = image.reason;
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace

EpochLoop::EpochLoop(const ResolvedRun& run, const RunFolder& folder, Training& training,
                     Group& group, const StopSignals& signals, ProgressBar& progress, Log& log)
    : run_(run),
      folder_(folder),
      training_(training),
      group_(group),
      log_(log),
      signals_(signals),
      loader_(run.data.train, training.recipe().views(), loader_plan(run, group, training.recipe()),
              log) {
  if (!leads()) return;
  run_log_.emplace(run, folder, training.plan(), progress, log);
  online_.emplace(run, training.recipe().views().front().size, log);
}

/// Where rank 0 alone worked, the others wait for it as long as it takes; a rank that dies is
/// noticed all the same.
void EpochLoop::meet() {
  if (group_.size() == 1) return;
  group_.set_deadline(std::chrono::hours(24));
  group_.barrier();
  group_.set_deadline(deadline_of(run_.config));
}

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
  if (leads()) run_log_->open(training_.step());
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
    order = agreed_order(group_, std::move(order));
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
  if (leads()) run_log_->waited(seconds_since(asked));
  remember(batch);
  const StepReport report = training_.train_step(batch, signals_.received() != 0);
  std::vector<LogNumber> judged;
  if (judging_is_due(run_.config.evaluate, training_.step(), training_.plan())) {
    if (leads()) judged = judge_online();
    meet();
  }
  if (leads()) {
    run_log_->note(report, training_.step(), batch.shard.total, training_.recipe(), judged);
  }
  loader_.recycle(std::move(batch));
}

std::vector<LogNumber> EpochLoop::judge_online() {
  std::vector<LogNumber> numbers;
  const auto result =
      online_->evaluate_if_due(*training_.recipe().encoder(), training_.step(), training_.plan());
  if (!result) return numbers;
  for (const auto& [name, value] : result->numbers) numbers.push_back({"online", name, value});
  run_log_->leave_out(result->seconds);
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
    const StepImages images = on_all_ranks(*failing);
    const NamedTensors whole_state = training_.whole_state();
    if (!leads()) return "";
    run_log_->finish(training_.step(), /*success=*/false);
    return "; to see where it starts: nearfar pretrain --replay " +
           write_divergence(run_, folder_, training_, whole_state, images, what);
  } catch (const EnvironmentError& error) {
    log_.warning(std::string("nothing to replay is left: ") + error.what());
    return "";
  }
}

bool EpochLoop::run() {
  try {
    return run_epochs();
  } catch (const DivergedError& error) {
    throw DivergedError(error.what() + last_good_checkpoint() + leave_replay(error.what()));
  } catch (const RecipeError& error) {
    throw RecipeError("step " + std::to_string(training_.step() + 1) + ": " + error.what() +
                      last_good_checkpoint());
  }
}

bool EpochLoop::run_epochs() {
  const TrainPlan& plan = training_.plan();
  if (leads()) run_log_->start();
  while (training_.step() < plan.steps) {
    const int64_t epoch = training_.epoch();
    const int64_t end = std::min(plan.steps, (epoch + 1) * plan.steps_per_epoch);
    begin_epoch(epoch, training_.step() - epoch * plan.steps_per_epoch);
    while (training_.step() < end) {
      take_step();
      const bool stop = training_.stop_agreed();
      if (save_is_due() || stop) save();
      if (stop) return true;
    }
  }
  if (leads()) run_log_->finish(training_.step(), /*success=*/true);
  return false;
}

bool EpochLoop::save_is_due() const {
  const TrainPlan& plan = training_.plan();
  const int64_t every = run_.config.train.checkpoint_every;
  const int64_t step = training_.step();
  return step == plan.steps || step % (every > 0 ? every : plan.steps_per_epoch) == 0;
}

Json EpochLoop::state() {
  Json state = Json::object();
  state["recipe"] = run_.config.recipe.name;
  state["epoch"] = training_.epoch();
  state["total_steps"] = training_.plan().steps;
  state["seed"] = run_.config.train.seed;
  state["threads"] = run_.config.threads;
  state["dataset_size"] = run_.data.train->info().size;
  state["recipe_order"] = !recipe_order_.empty();
  state["skipped_images"] = skipped_on_all_ranks();
  return state;
}

/// Each rank reads its own share of the images: what was unreadable to one counts for all, so that
/// a run that goes on with other ranks counts the same.
Json EpochLoop::skipped_on_all_ranks() {
  const Json mine = json_of(loader_.skipped());
  if (group_.size() == 1) return mine;
  for (const std::string& text : gather_texts(group_, to_text(mine, -1))) {
    restore_skipped(parse_json(text, "skipped images", {.bytes = kLargestText}));
  }
  return json_of(loader_.skipped());
}

/// The batch of all ranks: a replay does the whole step on one.
StepImages EpochLoop::on_all_ranks(const StepImages& mine) {
  return {mine.step, mine.epoch, gather_numbers(group_, mine.asked),
          gather_numbers(group_, mine.seen)};
}

std::vector<uint8_t> EpochLoop::encoder_bytes() const {
  return encode_encoder(run_, *training_.recipe().encoder(),
                        training_.recipe().views().front().size, training_.step());
}

void EpochLoop::save() {
  training_.settle();
  if (saved_step_ == training_.step()) return;
  training_.check_finite_state();
  const Json state = this->state();
  const NamedTensors whole_state = training_.whole_state();
  if (leads()) write_generation(state, whole_state);
  saved_step_ = training_.step();
  meet();
}

void EpochLoop::write_generation(const Json& state, const NamedTensors& whole_state) {
  std::vector<GenerationFile> contents = training_.state_files(whole_state);
  contents.emplace_back("encoder.safetensors", encoder_bytes());
  if (!recipe_order_.empty()) {
    contents.emplace_back(kOrderFile,
                          encode_tensors({{"order", at::tensor(recipe_order_, at::kLong)}}));
  }
  try {
    save_generation(real_file_system(), folder_.checkpoints(), training_.step(), state, contents,
                    run_.config.train.keep);
  } catch (const EnvironmentError& error) {
    throw EnvironmentError("checkpoint of step " + std::to_string(training_.step()) +
                           " not saved: " + error.what() + last_good_checkpoint());
  }
}

}  // namespace nearfar
