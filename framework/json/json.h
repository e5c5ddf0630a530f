// JSON values that remember where they stood, so that errors can name line and column.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nearfar {

/// A JSON value. Objects keep the order of their members. Reading accessors throw ConfigError
/// naming the place when the value is of another kind.
class Json {
 public:
  enum class Kind { null, boolean, integer, real, string, array, object };
  using Member = std::pair<std::string, Json>;

  Json() = default;
  Json(bool value);
  Json(int value);
  Json(int64_t value);
  Json(double value);
  Json(const char* value);
  Json(std::string value);
  static Json array(std::vector<Json> items = {});
  static Json object(std::vector<Member> members = {});

  Kind kind() const { return kind_; }
  bool is_object() const { return kind_ == Kind::object; }
  bool is_array() const { return kind_ == Kind::array; }
  bool is_string() const { return kind_ == Kind::string; }
  bool is_number() const { return kind_ == Kind::integer || kind_ == Kind::real; }

  bool as_bool() const;
  int64_t as_int() const;
  /// Integers convert.
  double as_double() const;
  const std::string& as_string() const;
  const std::vector<Json>& items() const;
  const std::vector<Member>& members() const;

  /// The member of that name, or null when there is none.
  const Json* find(std::string_view key) const;
  /// The member of that name; throws ConfigError when there is none.
  const Json& at(std::string_view key) const;
  /// The member of that name, added at the end when there is none; a null value becomes an object.
  Json& operator[](std::string_view key);
  /// Appends to an array; a null value becomes an array.
  void push_back(Json item);

  /// Equal kinds and contents (members in the same order), places aside; 1 and 1.0 differ.
  bool operator==(const Json& other) const;

  /// Where the value began in its text: "source:line:column", or empty for values made in memory.
  const std::string& place() const { return place_; }
  void set_place(std::string place) { place_ = std::move(place); }

 private:
  Kind kind_ = Kind::null;
  bool boolean_ = false;
  int64_t integer_ = 0;
  double real_ = 0.0;
  std::string string_;
  std::vector<Json> items_;
  std::vector<Member> members_;
  std::string place_;
};

struct JsonLimits {
  size_t bytes = size_t{1} << 20;
  int depth = 32;
  size_t values = SIZE_MAX;  // of any kind, nested ones included; each takes some 200 bytes
  bool comments = true;      // whether // and /* */ are allowed
};

/// Parses UTF-8 JSON; // and /* */ comments are allowed. Duplicate keys, non-finite numbers,
/// integers outside int64, texts beyond the limits and trailing characters are errors: ConfigError
/// "SOURCE:LINE:COLUMN: what". The value of an object's member carries the place of its key. Lines
/// and columns count from 1, columns in code points.
Json parse_json(std::string_view text, const std::string& source, const JsonLimits& limits = {});

/// JSON text; indent < 0 gives one line. Doubles print so that they read back to the same bits;
/// bytes of strings that are not UTF-8 become U+FFFD. Throws std::invalid_argument for a double
/// that is not finite.
std::string to_text(const Json& value, int indent = 2);

/// A value as error messages name what they found: its text on one line, or "an object", "a list",
/// "a long string" where that would be too long.
std::string summary(const Json& value);

}  // namespace nearfar
