// How far a run is: a line redrawn in place on a terminal, a line now and then elsewhere.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>

namespace nearfar {

struct Progress {
  int64_t step = 0;         // finished steps
  int64_t total_steps = 0;  // 0: unknown
  int64_t epoch = 0;        // the current one, from 1
  int64_t epochs = 0;       // 0: counted in steps only
  bool training = true;     // else the six numbers that follow are not shown
  double images_per_second = 0.0;
  double loss = 0.0;
  double random_guess_loss = 0.0;   // what guessing would give; NaN: not shown
  double data_wait_fraction = 0.0;  // share of the time spent waiting for data, in [0, 1]
  double embedding_std = 0.0;       // 0: not shown
  double effective_rank = 0.0;      // 0: not shown
  double seconds_left = -1.0;       // negative: unknown
};

/// "epoch 2/5  37%  step 412/1100  1520 img/s  loss 3.412 (random 6.930)  spread 0.93  rank 41.2
/// data wait 1.2%  ETA 3m20s", the least important parts left out until it fits `width` columns.
std::string describe_progress(const Progress& progress,
                              int width = std::numeric_limits<int>::max());

struct ProgressOptions {
  bool quiet = false;             // writes nothing at all
  double plain_seconds = 10.0;    // between lines where the descriptor is no terminal
  double redraw_seconds = 0.1;    // between redraws on a terminal
  std::optional<bool> terminal;   // asks the descriptor unless given
  std::function<double()> clock;  // seconds; a steady clock unless given
};

/// Draws progress on a file descriptor. Messages of terminal_sink() on the same descriptor appear
/// above the bar. Not thread-safe by itself; messages may come from any thread.
class ProgressBar {
 public:
  explicit ProgressBar(int descriptor, ProgressOptions options = {});
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  /// Takes an unfinished bar away.
  ~ProgressBar();

  /// Shows the progress, unless the last line is too recent; the first is always shown.
  void update(const Progress& progress);
  /// Leaves the latest progress as a line of its own; later updates start a new bar.
  void finish();

 private:
  void draw(const Progress& progress);

  int descriptor_;
  ProgressOptions options_;
  bool terminal_;
  std::optional<double> drawn_at_;
  std::optional<Progress> waiting_;  // the latest progress, while it is not shown in full
};

}  // namespace nearfar
