// Splits what comes in pieces; undoes how framework/log draws and erases status lines.
#include "tools/nearfar/launch_output.h"

#include "framework/log/status_line.h"

namespace nearfar {
namespace {

constexpr std::string_view kEraseLine = "\r\x1b[K";
constexpr size_t kMostLines = 10;
constexpr size_t kLongestLine = 64 << 10;

/// What is left to see of a line that was erased and written again.
std::string_view visible(std::string_view line) {
  const size_t erased = line.rfind(kEraseLine);
  if (erased != std::string_view::npos) line.remove_prefix(erased + kEraseLine.size());
  return line;
}

}  // namespace

RankOutput::RankOutput(int rank, int descriptor, bool terminal)
    : prefix_("[rank " + std::to_string(rank) + "] "),
      descriptor_(descriptor),
      terminal_(terminal) {}

void RankOutput::take(std::string_view bytes) {
  if (bytes.empty()) return;
  for (size_t end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n')) {
    unfinished_ += bytes.substr(0, end);
    pass_on(visible(unfinished_));
    unfinished_.clear();
    bytes.remove_prefix(end + 1);
  }
  unfinished_ += bytes;
  if (unfinished_.size() > kLongestLine) {
    pass_on(visible(unfinished_));
    unfinished_.clear();
  }
  if (!terminal_) return;
  const std::string status(visible(unfinished_));
  if (status.empty()) {
    clear_status_line(descriptor_);
  } else if (status.size() < unfinished_.size()) {
    show_status_line(descriptor_, status);
  }
}

void RankOutput::finish() {
  if (terminal_) clear_status_line(descriptor_);
  const bool status = unfinished_.find(kEraseLine) != std::string::npos;
  if (!unfinished_.empty() && !status) pass_on(unfinished_);
  unfinished_.clear();
}

void RankOutput::pass_on(std::string_view line) {
  std::string text(line);
  const bool has_prefix = line.starts_with("[rank ");
  write_lines(descriptor_, (has_prefix ? "" : prefix_) + text + "\n");
  if (line.starts_with(prefix_)) text.erase(0, prefix_.size());
  if (text.empty()) return;
  last_lines_.push_back(std::move(text));
  if (last_lines_.size() > kMostLines) last_lines_.pop_front();
}

}  // namespace nearfar
