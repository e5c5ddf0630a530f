// Column widths in display columns, numbers to the right.
#include "framework/log/table.h"

#include <algorithm>
#include <stdexcept>

#include "framework/log/display_width.h"

namespace nearfar {
namespace {

constexpr std::string_view kColumnGap = "  ";

/// "12", "-0.5", "60,000", "86.4 ± 0.3", "37%", "1e-05".
bool is_number_text(const std::string& cell) {
  if (cell.find_first_of("0123456789") == std::string::npos) return cell.empty() || cell == "-";
  constexpr std::string_view kPlusMinus = "±";
  return cell.find_first_not_of("0123456789+-.,%e " + std::string(kPlusMinus)) ==
             std::string::npos &&
         cell.front() != 'e';
}

void append_line(std::string& text, const std::vector<std::string>& cells,
                 const std::vector<int>& widths, const std::vector<bool>& right) {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) line += kColumnGap;
    line += pad(cells[i], widths[i], right[i]);
  }
  line.erase(line.find_last_not_of(' ') + 1);
  text += line + "\n";
}

}  // namespace

Table::Table(std::vector<std::string> heads) : heads_(std::move(heads)) {}

void Table::add_row(std::vector<std::string> cells) {
  if (cells.size() != heads_.size()) {
    throw std::invalid_argument("Table: expected " + std::to_string(heads_.size()) +
                                " cells, got " + std::to_string(cells.size()));
  }
  rows_.push_back(std::move(cells));
}

std::string Table::to_text(TableStyle style) const {
  std::vector<int> widths;
  std::vector<bool> right;
  for (size_t i = 0; i < heads_.size(); ++i) {
    widths.push_back(display_width(heads_[i]));
    right.push_back(!rows_.empty());
    for (const auto& row : rows_) {
      widths[i] = std::max(widths[i], display_width(row[i]));
      right[i] = right[i] && is_number_text(row[i]);
    }
  }
  std::string text;
  append_line(text, heads_, widths, right);
  if (style == TableStyle::terminal) {
    std::vector<std::string> rules(heads_.size());
    for (size_t i = 0; i < rules.size(); ++i) {
      for (int column = 0; column < widths[i]; ++column) rules[i] += "─";
    }
    append_line(text, rules, widths, right);
  }
  for (const auto& row : rows_) append_line(text, row, widths, right);
  return text;
}

}  // namespace nearfar
