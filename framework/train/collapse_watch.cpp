// Thresholds, streaks and sentences.
#include "framework/train/collapse_watch.h"

#include "framework/log/quantities.h"

namespace nearfar {
namespace {

constexpr double kCollapsedStd = 0.1;
constexpr double kRecovering = 1.5;
constexpr double kFlatRank = 1.5;
constexpr int64_t kRoomForRank = 16;
constexpr double kGuessing = 0.98;
constexpr int64_t kCollapseLines = 5, kCollapseSteps = 100, kUntrainedSteps = 1000;
constexpr int64_t kGuessingLines = 20, kGuessingSteps = 500;

bool near_guessing(const LoggedSigns& line) {
  return line.random_guess_loss > 0.0 && line.loss >= kGuessing * line.random_guess_loss;
}

std::string measured(const LoggedSigns& line) {
  std::string text = "embedding_std " + format_fixed(line.signs.embedding_std, 4);
  if (line.signs.negative_similarity) {
    text += ", cosine between different images " + format_fixed(*line.signs.negative_similarity, 3);
  }
  return text;
}

std::string collapse_words(const LoggedSigns& line) {
  const std::string what =
      "the representation has collapsed: all images get nearly the same embedding (" +
      measured(line) + "). ";
  if (near_guessing(line)) {
    return what +
           "The loss is that of guessing: the learning rate is too high, or the images are alike. "
           "Try a lower optimizer.learning_rate or a longer schedule.warmup_epochs, and look at "
           "views.png";
  }
  return what +
         "The loss does not mind: it holds views of one image together and nothing holds images "
         "apart. Likely causes: a loss without negatives that lacks its stop-gradient, its "
         "predictor or its slow target network, or a learning rate that is too high. Check the "
         "recipe, or try a lower optimizer.learning_rate";
}

std::string flat_words(const LoggedSigns& line) {
  return "the representation has collapsed to one direction: effective rank " +
         format_fixed(line.signs.effective_rank, 2) + " of " + std::to_string(line.largest_rank) +
         " possible. Likely causes: a learning rate that is too high, too little difference "
         "between images (see views.png), or a loss that lets dimensions follow each other. Try a "
         "lower optimizer.learning_rate or a smaller weight decay";
}

std::string guessing_words(const LoggedSigns& line, int64_t since) {
  return "not learning: for " + std::to_string(line.step - since) +
         " steps the loss has stayed at the level of random guessing (" +
         format_fixed(line.loss, 3) + ", guessing " + format_fixed(line.random_guess_loss, 3) +
         "). Likely causes: a learning rate that is too low or far too high, views that share "
         "nothing (see views.png), or a temperature that is too high. Try another "
         "optimizer.learning_rate first";
}

}  // namespace

void CollapseWatch::Streak::follow(bool holds, const LoggedSigns& line, bool is_first) {
  if (!holds) {
    since = -1;
    return;
  }
  if (since < 0) {
    since = line.step;
    lines = 0;
    from_start = is_first;
    spread = line.signs.embedding_std;
  }
  ++lines;
}

bool CollapseWatch::Streak::is_due(int64_t step, int64_t lines_needed, int64_t steps_needed) {
  if (since < 0 || lines < lines_needed || step - since < steps_needed) return false;
  if (said_at >= 0 && step < 10 * said_at) return false;
  said_at = step;
  return true;
}

std::string CollapseWatch::look(const LoggedSigns& line) {
  const bool is_first = !started_;
  started_ = true;
  const double spread = line.signs.embedding_std;
  const bool recovering = collapsed_.since >= 0 && spread > kRecovering * collapsed_.spread;
  collapsed_.follow(spread < kCollapsedStd && !recovering, line, is_first);
  flat_.follow(line.signs.effective_rank < kFlatRank && line.largest_rank >= kRoomForRank, line,
               is_first);
  guessing_.follow(near_guessing(line), line, is_first);
  const auto steps = [](const Streak& streak) {
    return streak.from_start ? kUntrainedSteps : kCollapseSteps;
  };
  if (collapsed_.is_due(line.step, kCollapseLines, steps(collapsed_))) return collapse_words(line);
  // A collapse explains the other two.
  if (collapsed_.since >= 0) return "";
  if (flat_.is_due(line.step, kCollapseLines, steps(flat_))) return flat_words(line);
  if (guessing_.is_due(line.step, kGuessingLines, kGuessingSteps)) {
    return guessing_words(line, guessing_.since);
  }
  return "";
}

}  // namespace nearfar
