// Sees from a run's signs of life that it collapses or does not learn, and says so in words.
#pragma once

#include <cstdint>
#include <string>

#include "framework/train/signs_of_life.h"

namespace nearfar {

/// One line of the log, as far as it matters here.
struct LoggedSigns {
  int64_t step = 0;
  double loss = 0.0;
  double random_guess_loss = 0.0;  // not above 0: the method has no such level
  SignsOfLife signs;
  int64_t largest_rank = 0;  // that the embeddings could have: min(n, d)
};

/// Follows the lines of a run. A trouble counts once it has held for so many lines and steps
/// without getting better; it is said once, and again when the run is ten times as old.
///
/// What counts as trouble, and why these thresholds:
///  * complete collapse: embedding_std below 0.1 (an average cosine between different images above
///    0.99) for 5 lines and 100 steps. A spread that has grown by half since it began is recovering
///    and no alarm: networks without BatchNorm in the head dip to 0.08 for some 40 steps and come
///    back (tests/program/collapse_test.py has all three cases; Chen & He 2021, figure 2, the
///    lasting ones: near 1 and near 0).
///  * dimensional collapse: an effective rank below 1.5 where 16 or more were possible (Jing et al.
///    2022), as long. Two clusters of equal size have 2, ten classes at least about 5.
///  * not learning: for 20 lines and 500 steps never a loss 2 % below that of guessing. A
///    contrastive loss leaves that level within the first tens of steps.
/// Untrained networks give similar embeddings to all images, and a long warm-up keeps them so: what
/// has held since the first line needs ten times as many steps, but for the loss.
class CollapseWatch {
 public:
  /// `start`: the step that the run stands at; 0 before it has learned anything.
  explicit CollapseWatch(int64_t start = 0) : started_(start > 0) {}
  /// The warning that is due at this line, or an empty text.
  std::string look(const LoggedSigns& line);

 private:
  /// How long a trouble has held.
  struct Streak {
    int64_t since = -1;   // its first step; negative: it does not hold
    int64_t lines = 0;    // logged in it
    double spread = 0.0;  // embedding_std at its first line
    bool from_start = false;
    int64_t said_at = -1;  // step of the last warning
    void follow(bool holds, const LoggedSigns& line, bool is_first);
    /// Whether it has lasted long enough and a warning is due; notes that it was given.
    bool is_due(int64_t step, int64_t lines_needed, int64_t steps_needed);
  };

  bool started_ = false;
  Streak collapsed_, flat_, guessing_;
};

}  // namespace nearfar
