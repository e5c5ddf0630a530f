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

/// Follows the lines of a run. A trouble counts once it has held over several lines and steps
/// without getting better; it is said once, and again when the run is ten times as old.
///
/// What counts as trouble, and why these thresholds:
///  * complete collapse: embedding_std below 0.1, an average cosine between different images above
///    0.99. Untrained networks with ReLU start with cosines of 0.9 to 0.99, and learning makes them
///    fall within tens of steps (SimSiam, Chen & He 2021, figure 2, has both cases: near 1 and 0).
///    A spread that has grown by a tenth since the trouble began is recovering and no alarm.
///  * dimensional collapse: an effective rank below 1.5 where 16 or more were possible (Jing et al.
///    2022). Two clusters of equal size have 2, ten classes at least about 5.
///  * not learning: over 20 lines and 200 steps never a loss 2 % below that of guessing. A
///    contrastive loss leaves that level within the first tens of steps.
class CollapseWatch {
 public:
  /// The warning that is due at this line, or an empty text.
  std::string look(const LoggedSigns& line);

 private:
  /// How long a trouble has held.
  struct Streak {
    int64_t since = -1;    // its first step; negative: it does not hold
    int64_t lines = 0;     // logged in it
    double spread = 0.0;   // embedding_std at its first line
    int64_t said_at = -1;  // step of the last warning
    void follow(bool holds, const LoggedSigns& line);
    /// Whether it has lasted long enough and a warning is due; notes that it was given.
    bool is_due(int64_t step, int64_t lines_needed, int64_t steps_needed);
  };

  Streak collapsed_, flat_, guessing_;
};

}  // namespace nearfar
