// Text tables with aligned columns.
#pragma once

#include <string>
#include <vector>

namespace nearfar {

enum class TableStyle {
  plain,     // two blanks between columns
  terminal,  // the same with a rule under the heads
};

/// A table of UTF-8 texts. Columns whose cells are all numbers ("60,000", "86.4 ± 0.3", "37%"), "-"
/// or empty stand to the right, others to the left.
class Table {
 public:
  explicit Table(std::vector<std::string> heads);

  /// Throws std::invalid_argument when the number of cells is not the number of heads.
  void add_row(std::vector<std::string> cells);

  /// Lines without trailing blanks, each ended by "\n".
  std::string to_text(TableStyle style) const;

 private:
  std::vector<std::string> heads_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace nearfar
