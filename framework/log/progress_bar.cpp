// Which parts of the progress fit, and when to draw them.
#include "framework/log/progress_bar.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <vector>

#include "framework/log/quantities.h"
#include "framework/log/status_line.h"

namespace nearfar {
namespace {

constexpr std::string_view kGap = "  ";
constexpr int kUsualWidth = 80;
constexpr int kShortestBar = 10;
constexpr int kLongestBar = 30;

struct Part {
  std::string text;
  int rank;  // the highest goes first where room is short
};

double fraction_done(const Progress& progress) {
  if (progress.total_steps <= 0) return 0.0;
  return std::clamp(static_cast<double>(progress.step) / progress.total_steps, 0.0, 1.0);
}

std::string loss_text(const Progress& progress) {
  std::string text = "loss " + format_fixed(progress.loss, 3);
  if (!std::isnan(progress.random_guess_loss)) {
    text += " (random " + format_fixed(progress.random_guess_loss, 3) + ")";
  }
  return text;
}

std::vector<Part> parts_of(const Progress& p) {
  std::vector<Part> parts;
  if (p.epochs > 0) {
    parts.push_back({"epoch " + std::to_string(p.epoch) + "/" + std::to_string(p.epochs), 4});
  }
  std::string step = "step " + std::to_string(p.step);
  if (p.total_steps > 0) {
    parts.push_back({std::to_string(static_cast<int>(100.0 * fraction_done(p))) + "%", 2});
    step += "/" + std::to_string(p.total_steps);
  }
  parts.push_back({step, 3});
  const int decimals = p.images_per_second < 10.0 ? 1 : 0;
  if (p.training) {
    parts.push_back({format_fixed(p.images_per_second, decimals) + " img/s", 5});
    parts.push_back({loss_text(p), 0});
    if (p.embedding_std != 0.0) parts.push_back({"spread " + format_fixed(p.embedding_std, 2), 7});
    if (p.effective_rank != 0.0) parts.push_back({"rank " + format_fixed(p.effective_rank, 1), 8});
    parts.push_back({"data wait " + format_fixed(100.0 * p.data_wait_fraction, 1) + "%", 6});
  }
  if (p.seconds_left >= 0.0) parts.push_back({"ETA " + format_duration(p.seconds_left), 1});
  return parts;
}

std::string joined(const std::vector<Part>& parts) {
  std::string text;
  for (const Part& part : parts) {
    if (!text.empty()) text += kGap;
    text += part.text;
  }
  return text;
}

/// "[======>     ]  ", as wide as the room allows; empty where it does not.
std::string bar_text(double fraction, int room) {
  const int width = std::min(room - static_cast<int>(kGap.size()), kLongestBar);
  if (width < kShortestBar) return "";
  const int inside = width - 2;
  const int filled = static_cast<int>(fraction * inside);
  std::string bar(filled, '=');
  if (filled < inside) bar += '>';
  bar.resize(inside, ' ');
  return "[" + bar + "]" + std::string(kGap);
}

int terminal_width(int descriptor) {
  winsize size{};
  const bool known = ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : kUsualWidth;
}

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

std::string describe_progress(const Progress& progress, int width) {
  std::vector<Part> parts = parts_of(progress);
  std::string text = joined(parts);
  while (static_cast<int>(text.size()) > width && parts.size() > 1) {
    parts.erase(std::max_element(parts.begin(), parts.end(),
                                 [](const Part& a, const Part& b) { return a.rank < b.rank; }));
    text = joined(parts);
  }
  return text.substr(0, std::max(width, 0));
}

ProgressBar::ProgressBar(int descriptor, ProgressOptions options)
    : descriptor_(descriptor), options_(std::move(options)) {
  terminal_ = options_.terminal.value_or(isatty(descriptor) == 1);
  if (!options_.clock) options_.clock = steady_seconds;
}

ProgressBar::~ProgressBar() {
  if (terminal_ && !options_.quiet) clear_status_line(descriptor_);
}

void ProgressBar::update(const Progress& progress) {
  if (options_.quiet) return;
  const double now = options_.clock();
  const double pause = terminal_ ? options_.redraw_seconds : options_.plain_seconds;
  waiting_ = progress;
  if (drawn_at_ && now - *drawn_at_ < pause) return;
  drawn_at_ = now;
  draw(progress);
}

void ProgressBar::finish() {
  if (!options_.quiet && terminal_) clear_status_line(descriptor_);
  if (waiting_) write_lines(descriptor_, describe_progress(*waiting_) + "\n");
  waiting_.reset();
  drawn_at_.reset();
}

void ProgressBar::draw(const Progress& progress) {
  if (!terminal_) {
    write_lines(descriptor_, describe_progress(progress) + "\n");
    waiting_.reset();
    return;
  }
  // The last column stays free: some terminals wrap when it is written.
  const int width = terminal_width(descriptor_) - 1;
  const std::string text = describe_progress(progress, width);
  const int room = progress.total_steps > 0 ? width - static_cast<int>(text.size()) : 0;
  show_status_line(descriptor_, bar_text(fraction_done(progress), room) + text);
}

}  // namespace nearfar
