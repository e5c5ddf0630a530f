// Records of separated values.
#include "framework/files/csv.h"

#include <algorithm>

#include "framework/error.h"
#include "framework/json/utf8.h"

namespace nearfar {

CsvReader::CsvReader(std::string_view text, std::string source, char separator)
    : text_(text), source_(std::move(source)), separator_(separator) {
  if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
  check_text();
}

void CsvReader::refuse(int64_t line, const std::string& what) const {
  throw DataError(source_ + ":" + std::to_string(line) + ": " + what);
}

void CsvReader::check_text() const {
  if (text_.starts_with("\xFF\xFE") || text_.starts_with("\xFE\xFF")) {
    refuse(1, "expected UTF-8 text, found UTF-16");
  }
  int64_t line = 1;
  for (size_t at = at_; at < text_.size();) {
    const CodePoint point = decode_utf8(text_, at);
    if (!point.valid) refuse(line, "expected UTF-8 text, found other bytes");
    if (point.value == 0) refuse(line, "expected text, found a NUL byte");
    line += point.value == U'\n' ? 1 : 0;
    at += static_cast<size_t>(point.bytes);
  }
}

bool CsvReader::at_line_end() const {
  return at_ == text_.size() || text_[at_] == '\n' || text_.substr(at_).starts_with("\r\n");
}

bool CsvReader::next(CsvRecord& record) {
  while (at_ < text_.size() && at_line_end()) {
    at_ += text_[at_] == '\r' ? 2 : 1;
    ++line_;
  }
  if (at_ == text_.size()) return false;
  record.line = line_;
  record.fields.clear();
  for (;;) {
    record.fields.push_back(read_field());
    if (at_line_end()) return true;
    ++at_;  // the separator
  }
}

std::string CsvReader::read_field() {
  if (at_ < text_.size() && text_[at_] == '"') return read_quoted();
  const size_t begin = at_;
  while (!at_line_end() && text_[at_] != separator_) {
    if (text_[at_] == '"') refuse(line_, "a quote inside a field that does not begin with one");
    ++at_;
  }
  return std::string(text_.substr(begin, at_ - begin));
}

std::string CsvReader::read_quoted() {
  const int64_t opened = line_;
  std::string field;
  for (++at_;; ++at_) {
    if (at_ == text_.size()) refuse(opened, "a quote is never closed");
    if (text_[at_] == '"') {
      if (!text_.substr(at_ + 1).starts_with('"')) break;
      ++at_;
    }
    line_ += text_[at_] == '\n' ? 1 : 0;
    field += text_[at_];
  }
  ++at_;
  if (!at_line_end() && text_[at_] != separator_) {
    refuse(line_, "expected a separator or the line's end after a closing quote");
  }
  return field;
}

}  // namespace nearfar
