// Text from values and back: layout, escapes, numbers to the bit; accessors that name the place.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "framework/error.h"
#include "framework/json/json.h"

namespace nearfar {
namespace {

template <typename Call>
std::string refusal(Call call) {
  try {
    call();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Write, LaysOutTwoSpacesAndShortLists) {
  Json value;
  value["name"] = "simclr";
  value["scale"] = Json::array({Json(0.2), Json(1.0), Json(3)});
  value["none"] = Json::object();
  value["empty"] = Json::array();
  value["group"]["on"] = true;
  value["views"].push_back(Json::object({{"flip", Json(0.5)}}));
  EXPECT_EQ(to_text(value), R"({
  "name": "simclr",
  "scale": [0.2, 1.0, 3],
  "none": {},
  "empty": [],
  "group": {
    "on": true
  },
  "views": [
    {
      "flip": 0.5
    }
  ]
})");
  EXPECT_EQ(to_text(value, -1),
            R"({"name":"simclr","scale":[0.2,1.0,3],"none":{},"empty":[],"group":{"on":true},)"
            R"("views":[{"flip":0.5}]})");
}

TEST(Write, EscapesAndRepairsStrings) {
  EXPECT_EQ(to_text(Json("a\"b\\c\n\r\t\b\f\x01\x1f\x7f é")),
            R"("a\"b\\c\n\r\t\b\f\u0001\u001f\u007f é")");
  EXPECT_EQ(to_text(Json("x\xffy\xc3")), R"("x\ufffdy\ufffd")");
}

TEST(Write, NumbersAreShortestAndKeepTheirKind) {
  EXPECT_EQ(to_text(Json(0.1)), "0.1");
  EXPECT_EQ(to_text(Json(1.0)), "1.0");
  EXPECT_EQ(to_text(Json(-0.0)), "-0.0");
  EXPECT_EQ(to_text(Json(1e300)), "1e+300");
  EXPECT_EQ(to_text(Json(5e-324)), "5e-324");
  EXPECT_EQ(to_text(Json(int64_t{1})), "1");
  EXPECT_EQ(to_text(Json(std::numeric_limits<int64_t>::min())), "-9223372036854775808");
  EXPECT_THROW(to_text(Json(std::nan(""))), std::invalid_argument);
  EXPECT_THROW(to_text(Json(-INFINITY)), std::invalid_argument);
}

RC_GTEST_PROP(Write, DoublesReadBackToTheSameBits, (uint64_t bits)) {
  const auto value = std::bit_cast<double>(bits);
  RC_PRE(std::isfinite(value));
  const double back = parse_json(to_text(Json(value)), "t").as_double();
  RC_ASSERT(std::bit_cast<uint64_t>(back) == bits);
}

std::string a_string() {
  std::string text;
  const int length = *rc::gen::inRange(0, 6);
  for (int i = 0; i < length; ++i) {
    static const std::vector<std::string> kPieces = {"a", "\"", "\\", "\n", "\x02",
                                                     "/", "é",  "語", "😀"};
    text += kPieces[*rc::gen::inRange<size_t>(0, kPieces.size())];
  }
  return text;
}

Json a_value(int depth) {
  switch (*rc::gen::inRange(0, depth > 0 ? 7 : 5)) {
    case 0:
      return Json();
    case 1:
      return Json(*rc::gen::arbitrary<bool>());
    case 2:
      return Json(*rc::gen::arbitrary<int64_t>());
    case 3:
      return Json(static_cast<double>(*rc::gen::arbitrary<int>()) / 7.0);
    case 4:
      return Json(a_string());
    case 5: {
      Json list = Json::array();
      for (int i = *rc::gen::inRange(0, 4); i > 0; --i) list.push_back(a_value(depth - 1));
      return list;
    }
    default: {
      Json object = Json::object();
      for (int i = *rc::gen::inRange(0, 4); i > 0; --i) object[a_string()] = a_value(depth - 1);
      return object;
    }
  }
}

RC_GTEST_PROP(Write, ParsingGivesTheValueBack, ()) {
  const Json value = a_value(4);
  RC_ASSERT(parse_json(to_text(value, *rc::gen::inRange(-1, 5)), "t") == value);
}

TEST(Json, AccessorsNamePlaceExpectedAndFound) {
  const Json file = parse_json("{\"batch\": \"many\",\n \"list\": [1], \"x\": 1.5}", "f.json");
  EXPECT_EQ(refusal([&] { file.at("batch").as_int(); }),
            "f.json:1:2: expected an integer, found \"many\"");
  EXPECT_EQ(refusal([&] { file.at("x").as_int(); }), "f.json:2:15: expected an integer, found 1.5");
  EXPECT_EQ(refusal([&] { file.at("list").as_double(); }),
            "f.json:2:2: expected a number, found [1]");
  EXPECT_EQ(refusal([&] { file.as_bool(); }),
            "f.json:1:1: expected true or false, found an object");
  EXPECT_EQ(refusal([&] { file.at("x").members(); }), "f.json:2:15: expected an object, found 1.5");
  EXPECT_EQ(refusal([&] { file.items(); }), "f.json:1:1: expected a list, found an object");
  EXPECT_EQ(refusal([&] { file.at("steps"); }),
            "f.json:1:1: expected the key \"steps\", found none");
  EXPECT_EQ(refusal([&] { Json(3).as_string(); }), "expected a string, found 3");
  EXPECT_EQ(refusal([&] { Json(3)["key"]; }), "expected an object, found 3");
  EXPECT_EQ(refusal([&] { Json(3).push_back(1); }), "expected a list, found 3");
}

TEST(Json, IntegersConvertToDoubleOnly) {
  EXPECT_EQ(Json(7).as_double(), 7.0);
  EXPECT_THROW(Json(7.0).as_int(), ConfigError);
  EXPECT_FALSE(Json(1) == Json(1.0));
  EXPECT_EQ(Json::object({{"a", 1}}), Json::object({{"a", 1}}));
  EXPECT_FALSE(Json::object({{"a", 1}}) == Json::object({{"a", 2}}));
  EXPECT_FALSE(Json::array({1}) == Json::array({1, 2}));
}

TEST(Json, FindGivesNullWhereThereIsNoMember) {
  const Json file = Json::object({{"a", 1}});
  EXPECT_EQ(file.find("b"), nullptr);
  ASSERT_NE(file.find("a"), nullptr);
  EXPECT_EQ(file.find("a")->as_int(), 1);
}

}  // namespace
}  // namespace nearfar
