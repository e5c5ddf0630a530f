// Walks over JSON text token by token and knows the line and column of each.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace nearfar {

/// Follows a parser through text that the parser has already accepted up to and including the token
/// it asks for. Lines and columns count from 1; columns count code points, a byte order mark none.
class TokenCursor {
 public:
  TokenCursor(std::string_view text, const std::string& source);

  /// Moves past the next token (a brace, bracket, string, number or literal; commas, colons, blanks
  /// and comments are none) and returns the place of its first character, "source:line:column".
  std::string next_place();

  /// The place of the byte at `offset`, reading from the start of the text.
  static std::string place_of(std::string_view text, const std::string& source, size_t offset);

 private:
  void advance();
  void skip_between_tokens();
  void skip_comment();
  void skip_token();
  bool at(std::string_view expected) const { return text_.substr(offset_).starts_with(expected); }
  std::string place() const;

  std::string_view text_;
  std::string source_;
  size_t offset_ = 0;
  int64_t line_ = 1;
  int64_t column_ = 1;
};

}  // namespace nearfar
