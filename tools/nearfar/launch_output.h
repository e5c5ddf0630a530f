// What a rank writes, line by line: whose each line is, and which were the last.
#pragma once

#include <deque>
#include <string>
#include <string_view>

namespace nearfar {

/// Passes on the lines of one rank to a descriptor, each with "[rank R] " before it unless it
/// begins so by itself, and remembers the last ones.
class RankOutput {
 public:
  /// `terminal`: the rank writes to a terminal and draws a status line, which is drawn again on
  /// `descriptor`.
  RankOutput(int rank, int descriptor, bool terminal = false);

  void take(std::string_view bytes);
  /// Nothing more comes: a last line without an end is passed on, a status line is taken away.
  void finish();
  /// At most ten, without the prefix.
  const std::deque<std::string>& last_lines() const { return last_lines_; }

 private:
  void pass_on(std::string_view line);

  std::string prefix_;
  int descriptor_;
  bool terminal_;
  std::string unfinished_;
  std::deque<std::string> last_lines_;
};

}  // namespace nearfar
