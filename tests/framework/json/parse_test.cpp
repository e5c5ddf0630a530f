// Strict parsing: every value's place, every refusal's message, and bytes that mean nothing.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <chrono>

#include "framework/error.h"
#include "framework/json/json.h"

namespace nearfar {
namespace {

std::string refusal(std::string_view text, const JsonLimits& limits = {}) {
  try {
    parse_json(text, "f.json", limits);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "accepted";
}

constexpr const char* kSample = R"({
  // a comment with "quotes", {braces} and a comma
  "name": "sim\"clr", /* another
  one */ "sizes": [1, 2.5,
     -3e2/**/, {"deep": null}],
  "größe" : true, "end":false
})";

TEST(Parse, ReadsEveryKind) {
  const Json sample = parse_json(kSample, "f.json");
  EXPECT_EQ(sample.at("name").as_string(), "sim\"clr");
  const auto& sizes = sample.at("sizes").items();
  ASSERT_EQ(sizes.size(), 4u);
  EXPECT_EQ(sizes[0].as_int(), 1);
  EXPECT_EQ(sizes[1].as_double(), 2.5);
  EXPECT_EQ(sizes[2].as_double(), -300.0);
  EXPECT_EQ(sizes[2].kind(), Json::Kind::real);
  EXPECT_EQ(sizes[3].at("deep").kind(), Json::Kind::null);
  EXPECT_TRUE(sample.at("größe").as_bool());
  EXPECT_FALSE(sample.at("end").as_bool());
  std::vector<std::string> order;
  for (const auto& [key, value] : sample.members()) order.push_back(key);
  EXPECT_EQ(order, (std::vector<std::string>{"name", "sizes", "größe", "end"}));
}

TEST(Parse, ValuesKnowTheirPlaces) {
  const Json sample = parse_json(kSample, "f.json");
  EXPECT_EQ(sample.place(), "f.json:1:1");
  EXPECT_EQ(sample.at("name").place(), "f.json:3:3");
  EXPECT_EQ(sample.at("sizes").place(), "f.json:4:10");
  const auto& sizes = sample.at("sizes").items();
  EXPECT_EQ(sizes[0].place(), "f.json:4:20");
  EXPECT_EQ(sizes[1].place(), "f.json:4:23");
  EXPECT_EQ(sizes[2].place(), "f.json:5:6");
  EXPECT_EQ(sizes[3].place(), "f.json:5:16");
  EXPECT_EQ(sizes[3].at("deep").place(), "f.json:5:17");
  EXPECT_EQ(sample.at("größe").place(), "f.json:6:3");
  EXPECT_EQ(sample.at("end").place(), "f.json:6:19");
}

TEST(Parse, AByteOrderMarkTakesNoColumn) {
  EXPECT_EQ(parse_json("\xEF\xBB\xBF[1]", "f.json").items()[0].place(), "f.json:1:2");
}

TEST(Parse, RefusesDuplicateKeys) {
  EXPECT_EQ(refusal("{\"a\": 1,\n \"b\": {\"a\": 2},\n \"a\": 3}"),
            "f.json:3:2: duplicate key \"a\"");
  EXPECT_EQ(refusal(R"({"a": 1, "\u0061": 2})"), "f.json:1:10: duplicate key \"a\"");
}

TEST(Parse, RefusesSyntaxErrorsAtTheirPlace) {
  EXPECT_EQ(refusal(""), "f.json:1:1: unexpected end of input; expected '[', '{', or a literal");
  EXPECT_EQ(refusal("{\"a\": 1,\n}"), "f.json:2:1: unexpected '}'; expected string literal");
  EXPECT_EQ(refusal("{\"a\" \"text\"}"), "f.json:1:6: unexpected string literal; expected ':'");
  EXPECT_EQ(refusal("[1, 22\n  333]"), "f.json:2:3: unexpected number literal; expected ']'");
  EXPECT_EQ(refusal("{\"a\": tru}"), "f.json:1:7: invalid literal");
  EXPECT_EQ(refusal("{\"a\": NaN}"), "f.json:1:7: invalid literal");
  EXPECT_EQ(refusal("[1, true false]"), "f.json:1:10: unexpected false literal; expected ']'");
  EXPECT_EQ(refusal("[1"), "f.json:1:3: unexpected end of input; expected ']'");
  EXPECT_EQ(refusal("{} {}"), "f.json:1:4: unexpected '{'; expected end of input");
  EXPECT_EQ(refusal("{} x"), "f.json:1:4: invalid literal");
  EXPECT_EQ(refusal("[1] /* open"), "f.json:1:12: invalid comment; missing closing '*/'");
  EXPECT_EQ(refusal("\"a\nb\""),
            "f.json:1:3: invalid string: control character U+000A (LF) must be escaped to \\u000A "
            "or \\n");
}

TEST(Parse, RefusesANulByteWhereverItStands) {
  EXPECT_EQ(refusal(std::string_view("[1]\n\0 rubbish", 13)), "f.json:2:1: unexpected NUL byte");
  EXPECT_EQ(refusal(std::string_view("\"a\0\"", 4)), "f.json:1:3: unexpected NUL byte");
}

TEST(Parse, RefusesNumbersThatDoNotFit) {
  EXPECT_EQ(parse_json("[9223372036854775807, -9223372036854775808]", "f").items()[1].as_int(),
            INT64_MIN);
  EXPECT_EQ(refusal("[0, 9223372036854775808]"),
            "f.json:1:5: integer 9223372036854775808 does not fit into 64 bits");
  EXPECT_EQ(refusal("[-9223372036854775809]"),
            "f.json:1:2: integer -9223372036854775809 does not fit into 64 bits");
  EXPECT_EQ(refusal("{\"a\":\n 99999999999999999999999}"),
            "f.json:2:2: integer 99999999999999999999999 does not fit into 64 bits");
  EXPECT_EQ(refusal("[1, -1e999]"), "f.json:1:5: -1e999 is too large for a number");
  EXPECT_EQ(parse_json("1e-999", "f").as_double(), 0.0);
}

TEST(Parse, RefusesIllFormedUtf8) {
  for (const char* bytes :
       {"\"\xff\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\""}) {
    EXPECT_NE(refusal(bytes).find("invalid string: ill-formed UTF-8 byte"), std::string::npos);
  }
  EXPECT_EQ(parse_json(R"("\ud83d\ude00")", "f").as_string(), "\U0001F600");
  EXPECT_NE(refusal(R"("\ud83d")").find("surrogate"), std::string::npos);
}

TEST(Parse, LimitsDepth) {
  const std::string deepest = std::string(32, '[') + std::string(32, ']');
  EXPECT_EQ(refusal(deepest), "accepted");
  EXPECT_EQ(refusal("[" + deepest + "]"), "f.json:1:33: nested deeper than 32 levels");
  std::string objects;
  for (int i = 0; i < 100000; ++i) objects += "{\"a\":";
  EXPECT_EQ(refusal(objects), "f.json:1:161: nested deeper than 32 levels");
}

TEST(Parse, LimitsBytes) {
  JsonLimits limits;
  limits.bytes = 4;
  EXPECT_EQ(refusal("[12]", limits), "accepted");
  EXPECT_EQ(refusal("[123]", limits), "f.json:1:1: expected at most 4 bytes of JSON, found 5");
}

TEST(Parse, LimitsValues) {
  JsonLimits limits;
  limits.values = 4;
  EXPECT_EQ(refusal("{\"a\": [1, 2]}", limits), "accepted");
  EXPECT_EQ(refusal("{\"a\": [1, 2, 3]}", limits),
            "f.json:1:14: expected at most 4 values, found more");
  EXPECT_EQ(refusal("[[], [], [], []]", limits),
            "f.json:1:14: expected at most 4 values, found more");
}

TEST(Parse, CommentsCanBeForbidden) {
  JsonLimits limits;
  limits.comments = false;
  EXPECT_EQ(refusal("[1] // one", limits), "f.json:1:5: invalid literal");
}

TEST(Parse, ManyKeysTakeLinearTime) {
  // A linear search for duplicates makes 5 * 10^9 comparisons, half a minute; this takes 0.1 s.
  std::string text = "{";
  for (int i = 0; i < 100000; ++i) text += '"' + std::to_string(i) + "\":1,";
  text += "\"end\":1}";
  JsonLimits limits;
  limits.bytes = size_t{4} << 20;
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(parse_json(text, "f", limits).members().size(), 100001u);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

std::string a_text_of(const std::string& alphabet) {
  const auto length = *rc::gen::inRange(0, 40);
  std::string text;
  for (int i = 0; i < length; ++i) text += alphabet[*rc::gen::inRange<size_t>(0, alphabet.size())];
  return text;
}

RC_GTEST_PROP(Parse, RandomBytesAreReadOrRefused, ()) {
  std::string bytes(256, '\0');
  for (int i = 0; i < 256; ++i) bytes[i] = static_cast<char>(i);
  const std::string text = a_text_of(bytes);
  const std::string result = refusal(text);
  RC_ASSERT(result == "accepted" || result.starts_with("f.json:"));
  RC_ASSERT(result.find('\n') == std::string::npos);
}

RC_GTEST_PROP(Parse, TextsOfJsonPiecesAreReadOrRefused, ()) {
  const std::string text = a_text_of("{}[],:\"\\u0aef1-+.e/* \n\t\xc3\xa9truefalsn");
  const std::string result = refusal(text);
  RC_ASSERT(result == "accepted" || result.starts_with("f.json:"));
  if (result == "accepted") {
    const Json value = parse_json(text, "f");
    RC_ASSERT(parse_json(to_text(value), "f") == value);
  }
}

}  // namespace
}  // namespace nearfar
