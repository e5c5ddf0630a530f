// The last line of a terminal, redrawn in place; messages go above it.
#pragma once

#include <string>
#include <string_view>

namespace nearfar {

/// Shows `text` (one line, narrower than the terminal) as the status line of the descriptor, in
/// place of the previous one. Thread-safe, as are the functions below: they share one lock.
void show_status_line(int descriptor, const std::string& text);

/// Takes the status line away; nothing happens where none is shown.
void clear_status_line(int descriptor);

/// Writes whole lines; a status line is taken away before and drawn again after them. What cannot
/// be written (a closed pipe) is dropped: there is nobody to tell.
void write_lines(int descriptor, std::string_view lines);

}  // namespace nearfar
