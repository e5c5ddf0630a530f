// JSON values: construction, access with errors that name the place, comparison.
#include "framework/json/json.h"

#include <algorithm>

#include "framework/error.h"

namespace nearfar {
namespace {

constexpr size_t kLongestSummary = 60;

[[noreturn]] void refuse(const Json& value, const std::string& what) {
  throw ConfigError(value.place().empty() ? what : value.place() + ": " + what);
}

void expect(const Json& value, bool matches, const char* expected) {
  if (!matches) refuse(value, std::string("expected ") + expected + ", found " + summary(value));
}

}  // namespace

Json::Json(bool value) : kind_(Kind::boolean), boolean_(value) {}
Json::Json(int value) : kind_(Kind::integer), integer_(value) {}
Json::Json(int64_t value) : kind_(Kind::integer), integer_(value) {}
Json::Json(double value) : kind_(Kind::real), real_(value) {}
Json::Json(const char* value) : kind_(Kind::string), string_(value) {}
Json::Json(std::string value) : kind_(Kind::string), string_(std::move(value)) {}

Json Json::array(std::vector<Json> items) {
  Json result;
  result.kind_ = Kind::array;
  result.items_ = std::move(items);
  return result;
}

Json Json::object(std::vector<Member> members) {
  Json result;
  result.kind_ = Kind::object;
  result.members_ = std::move(members);
  return result;
}

bool Json::as_bool() const {
  expect(*this, kind_ == Kind::boolean, "true or false");
  return boolean_;
}

int64_t Json::as_int() const {
  expect(*this, kind_ == Kind::integer, "an integer");
  return integer_;
}

double Json::as_double() const {
  expect(*this, is_number(), "a number");
  return kind_ == Kind::integer ? static_cast<double>(integer_) : real_;
}

const std::string& Json::as_string() const {
  expect(*this, is_string(), "a string");
  return string_;
}

const std::vector<Json>& Json::items() const {
  expect(*this, is_array(), "a list");
  return items_;
}

const std::vector<Json::Member>& Json::members() const {
  expect(*this, is_object(), "an object");
  return members_;
}

const Json* Json::find(std::string_view key) const {
  const auto& all = members();
  const auto same_key = [&](const Member& member) { return member.first == key; };
  const auto member = std::find_if(all.begin(), all.end(), same_key);
  return member == all.end() ? nullptr : &member->second;
}

const Json& Json::at(std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr) refuse(*this, "expected the key \"" + std::string(key) + "\", found none");
  return *value;
}

Json& Json::operator[](std::string_view key) {
  if (kind_ == Kind::null) kind_ = Kind::object;
  if (const Json* value = find(key)) return const_cast<Json&>(*value);
  return members_.emplace_back(std::string(key), Json()).second;
}

void Json::push_back(Json item) {
  if (kind_ == Kind::null) kind_ = Kind::array;
  expect(*this, is_array(), "a list");
  items_.push_back(std::move(item));
}

bool Json::operator==(const Json& other) const {
  return kind_ == other.kind_ && boolean_ == other.boolean_ && integer_ == other.integer_ &&
         real_ == other.real_ && string_ == other.string_ && items_ == other.items_ &&
         members_ == other.members_;
}

std::string summary(const Json& value) {
  if (value.is_object()) return "an object";
  std::string text = to_text(value, -1);
  if (text.size() > kLongestSummary) return value.is_array() ? "a list" : "a long string";
  return text;
}

}  // namespace nearfar
