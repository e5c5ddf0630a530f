// Comma- or tab-separated values, strictly by RFC 4180, one record at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nearfar {

struct CsvRecord {
  int64_t line = 0;  // where it begins, from 1
  std::vector<std::string> fields;
};

/// Reads records from front to back: fields in double quotes may hold separators, line ends and
/// doubled quotes; lines end with LF or CRLF, the last one may lack it; blank lines are left out; a
/// UTF-8 byte order mark is skipped. Spaces belong to fields.
class CsvReader {
 public:
  /// `text` is borrowed; `source` names it in messages. Throws DataError "SOURCE:LINE: what" for
  /// text that is not UTF-8 or holds a NUL byte.
  CsvReader(std::string_view text, std::string source, char separator);

  /// The next record, false at the end. Throws DataError "SOURCE:LINE: what" for a quote inside an
  /// unquoted field, text after a closing quote, or a quote that is never closed.
  bool next(CsvRecord& record);

 private:
  void check_text() const;
  std::string read_field();
  std::string read_quoted();
  bool at_line_end() const;
  [[noreturn]] void refuse(int64_t line, const std::string& what) const;

  std::string_view text_;
  std::string source_;
  char separator_;
  size_t at_ = 0;
  int64_t line_ = 1;
};

}  // namespace nearfar
