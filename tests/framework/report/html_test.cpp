// Escaping, base64 and data blocks against RFC vectors and hostile text.
#include "framework/report/html.h"

#include <gtest/gtest.h>

#include <limits>

namespace nearfar {
namespace {

TEST(Html, EscapesWhatCouldBecomeMarkup) {
  EXPECT_EQ(html_text("<script>alert(1)</script>"), "&lt;script&gt;alert(1)&lt;/script&gt;");
  EXPECT_EQ(html_text("a\" onload='x' & b"), "a&quot; onload=&#39;x&#39; &amp; b");
  EXPECT_EQ(html_text("naïve 猫 ±"), "naïve 猫 ±");
  EXPECT_EQ(html_text(std::string("a\0b\x1b[0m\x7f", 8)), "a b [0m ");
  EXPECT_EQ(html_text("\xff<\xc0\x80"), "\xEF\xBF\xBD&lt;\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(html_text("\xC2\x9B"), " ");  // a C1 control, which terminals obey
}

TEST(Html, AttributesAndElements) {
  EXPECT_EQ(element("td", attribute("title", "\"<"), "x"), "<td title=\"&quot;&lt;\">x</td>");
}

// The test vectors of RFC 4648, section 10.
TEST(Html, Base64IsThatOfTheStandard) {
  const auto encoded = [](std::string_view text) {
    return base64({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  };
  EXPECT_EQ(encoded(""), "");
  EXPECT_EQ(encoded("f"), "Zg==");
  EXPECT_EQ(encoded("fo"), "Zm8=");
  EXPECT_EQ(encoded("foo"), "Zm9v");
  EXPECT_EQ(encoded("foob"), "Zm9vYg==");
  EXPECT_EQ(encoded("fooba"), "Zm9vYmE=");
  EXPECT_EQ(encoded("foobar"), "Zm9vYmFy");
  EXPECT_EQ(encoded("\xfb\xff\xfe"), "+//+");
  const std::vector<uint8_t> bytes = {1, 2, 3};
  EXPECT_EQ(data_uri("image/png", bytes), "data:image/png;base64,AQID");
}

TEST(Html, DataBlocksHoldAnyTextAndReadBack) {
  const Json value = Json::object({{"</script><!--", Json::array({"]]>&", 0.1, Json()})}});
  const std::string block = data_block("id", value);
  const std::string head = "<script type=\"application/json\" id=\"id\">";
  ASSERT_EQ(block.rfind(head, 0), 0u);
  const std::string text = block.substr(head.size(), block.size() - head.size() - 9);
  EXPECT_EQ(text.find('<'), std::string::npos);
  EXPECT_EQ(block.substr(block.size() - 9), "</script>");
  EXPECT_TRUE(parse_json(text, "block") == value);
}

TEST(Html, NumbersForPeopleAndForMachines) {
  EXPECT_EQ(short_number(0.123456), "0.1235");
  EXPECT_EQ(short_number(-12345.6), "-12,346");
  EXPECT_EQ(short_number(1e-7), "1e-07");
  EXPECT_EQ(short_number(1e300), "1e+300");
  EXPECT_EQ(short_number(std::numeric_limits<double>::quiet_NaN()), "-");
  EXPECT_EQ(std::stod(exact_number(0.1 + 0.2)), 0.1 + 0.2);
  EXPECT_EQ(exact_number(std::numeric_limits<double>::infinity()), "");
}

}  // namespace
}  // namespace nearfar
