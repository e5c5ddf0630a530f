// Strict JSON parsing: nlohmann's tokens, our rules on keys, depth, size, numbers and places.
#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "framework/error.h"
#include "framework/json/json.h"
#include "framework/json/token_cursor.h"

namespace nearfar {
namespace {

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
         c == '-' || c == '.';
}

/// Builds values from the parser's events; every event but parse_error is one token of the text.
class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  Builder(std::string_view text, const std::string& source, const JsonLimits& limits)
      : text_(text), source_(source), limits_(limits), cursor_(text, source) {}

  Json take() { return std::move(root_); }

  bool null() override { return add(Json()); }
  bool boolean(bool value) override { return add(Json(value)); }
  bool number_integer(int64_t value) override { return add(Json(value)); }

  bool number_unsigned(uint64_t value) override {
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      refuse_integer(std::to_string(value));
    }
    return add(Json(static_cast<int64_t>(value)));
  }

  bool number_float(double value, const std::string& token) override {
    // The lexer turns integers that no 64 bits hold into reals.
    if (token.find_first_not_of("-0123456789") == std::string::npos) refuse_integer(token);
    return add(Json(value));
  }

  bool string(std::string& value) override { return add(Json(std::move(value))); }
  bool binary(nlohmann::json::binary_t&) override { return false; }

  bool start_object(size_t) override { return open(true); }
  bool start_array(size_t) override { return open(false); }

  bool key(std::string& name) override {
    Open& object = open_.back();
    object.key_place = cursor_.next_place();
    if (!object.names.insert(name).second) {
      throw ConfigError(object.key_place + ": duplicate key \"" + name + "\"");
    }
    object.key = std::move(name);
    return true;
  }

  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool parse_error(size_t bytes_read, const std::string& token,
                   const nlohmann::detail::exception& error) override {
    std::string what = error.what();
    if (error.id == 406) {
      what = token + " is too large for a number";
    } else {
      // "[json.exception...] parse error at line 1, column 2: syntax error while parsing X - WHAT"
      if (const size_t dash = what.find(" - "); dash != std::string::npos) what.erase(0, dash + 3);
      if (const size_t read = what.find("; last read: '"); read != std::string::npos) {
        what.erase(read);
      }
    }
    size_t offset = std::min(bytes_read == 0 ? 0 : bytes_read - 1, text_.size());
    const bool whole_token =
        error.id == 406 || what.starts_with("unexpected") || what.starts_with("invalid literal");
    if (whole_token) offset = token_start(offset, token);
    throw ConfigError(TokenCursor::place_of(text_, source_, offset) + ": " + what);
  }

 private:
  struct Open {
    bool is_object;
    std::string place;
    std::vector<Json> items;
    std::vector<Json::Member> members;
    std::unordered_set<std::string> names;
    std::string key, key_place;
  };

  void count_value(const std::string& place) {
    if (++values_ <= limits_.values) return;
    throw ConfigError(place + ": expected at most " + std::to_string(limits_.values) +
                      " values, found more");
  }

  bool add(Json value) {
    value.set_place(cursor_.next_place());
    count_value(value.place());
    return attach(std::move(value));
  }

  bool open(bool is_object) {
    std::string place = cursor_.next_place();
    count_value(place);
    if (static_cast<int>(open_.size()) >= limits_.depth) {
      throw ConfigError(place + ": nested deeper than " + std::to_string(limits_.depth) +
                        " levels");
    }
    open_.push_back({is_object, std::move(place), {}, {}, {}, {}, {}});
    return true;
  }

  bool close() {
    cursor_.next_place();
    Open done = std::move(open_.back());
    open_.pop_back();
    Json value =
        done.is_object ? Json::object(std::move(done.members)) : Json::array(std::move(done.items));
    value.set_place(std::move(done.place));
    return attach(std::move(value));
  }

  bool attach(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (Open& parent = open_.back(); parent.is_object) {
      value.set_place(std::move(parent.key_place));
      parent.members.emplace_back(std::move(parent.key), std::move(value));
    } else {
      parent.items.push_back(std::move(value));
    }
    return true;
  }

  [[noreturn]] void refuse_integer(const std::string& digits) {
    throw ConfigError(cursor_.next_place() + ": integer " + digits + " does not fit into 64 bits");
  }

  /// The first byte of the token whose last byte, or the byte after it, is at `offset`.
  size_t token_start(size_t offset, const std::string& token) const {
    if (offset >= text_.size()) return text_.size();
    if (text_[offset] == '"') return offset + 1 - std::min(token.size(), offset + 1);
    while (offset > 0 && is_word(text_[offset - 1])) --offset;
    return offset;
  }

  std::string_view text_;
  const std::string& source_;
  JsonLimits limits_;
  TokenCursor cursor_;
  std::vector<Open> open_;
  size_t values_ = 0;
  Json root_;
};

}  // namespace

Json parse_json(std::string_view text, const std::string& source, const JsonLimits& limits) {
  if (text.size() > limits.bytes) {
    throw ConfigError(source + ":1:1: expected at most " + std::to_string(limits.bytes) +
                      " bytes of JSON, found " + std::to_string(text.size()));
  }
  // nlohmann would take a NUL for the end of the text and ignore what follows.
  if (const size_t nul = text.find('\0'); nul != std::string_view::npos) {
    throw ConfigError(TokenCursor::place_of(text, source, nul) + ": unexpected NUL byte");
  }
  Builder builder(text, source, limits);
  nlohmann::json::sax_parse(text.begin(), text.end(), &builder,
                            nlohmann::json::input_format_t::json, /*strict=*/true, limits.comments);
  return builder.take();
}

}  // namespace nearfar
