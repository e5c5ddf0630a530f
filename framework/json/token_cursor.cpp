// Finds where tokens begin; that they are well formed is the parser's business.
#include "framework/json/token_cursor.h"

namespace nearfar {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kBetweenTokens = " \t\r\n,:";
constexpr std::string_view kEndsWord = " \t\r\n,:[]{}/\"";

bool contains(std::string_view set, char c) { return set.find(c) != std::string_view::npos; }

}  // namespace

TokenCursor::TokenCursor(std::string_view text, const std::string& source)
    : text_(text), source_(source) {
  if (at(kByteOrderMark)) offset_ = kByteOrderMark.size();
}

std::string TokenCursor::next_place() {
  skip_between_tokens();
  std::string found = place();
  skip_token();
  return found;
}

std::string TokenCursor::place_of(std::string_view text, const std::string& source, size_t offset) {
  TokenCursor cursor(text, source);
  while (cursor.offset_ < offset && cursor.offset_ < text.size()) cursor.advance();
  return cursor.place();
}

void TokenCursor::advance() {
  const auto byte = static_cast<unsigned char>(text_[offset_++]);
  if (byte == '\n') {
    ++line_;
    column_ = 1;
    return;
  }
  const bool next_continues =
      offset_ < text_.size() && (static_cast<unsigned char>(text_[offset_]) & 0xC0) == 0x80;
  if (!next_continues) ++column_;
}

void TokenCursor::skip_between_tokens() {
  while (offset_ < text_.size()) {
    if (contains(kBetweenTokens, text_[offset_])) {
      advance();
    } else if (text_[offset_] == '/') {
      skip_comment();
    } else {
      return;
    }
  }
}

void TokenCursor::skip_comment() {
  const bool line_comment = at("//");
  advance();
  advance();
  while (offset_ < text_.size()) {
    if (line_comment && contains("\r\n", text_[offset_])) return;
    if (!line_comment && at("*/")) {
      advance();
      advance();
      return;
    }
    advance();
  }
}

void TokenCursor::skip_token() {
  if (offset_ >= text_.size()) return;
  const char first = text_[offset_];
  advance();
  if (first == '"') {
    while (offset_ < text_.size() && text_[offset_] != '"') {
      if (text_[offset_] == '\\') advance();
      advance();
    }
    if (offset_ < text_.size()) advance();
  } else if (!contains("[]{}", first)) {
    while (offset_ < text_.size() && !contains(kEndsWord, text_[offset_])) advance();
  }
}

std::string TokenCursor::place() const {
  return source_ + ":" + std::to_string(line_) + ":" + std::to_string(column_);
}

}  // namespace nearfar
