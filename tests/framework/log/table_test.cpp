// Tables, widths and numbers in words against texts written by hand.
#include "framework/log/table.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "framework/log/display_width.h"
#include "framework/log/quantities.h"

namespace nearfar {
namespace {

TEST(Table, AlignsNumbersRightAndWordsLeft) {
  Table table({"method", "top-1", "images"});
  table.add_row({"linear", "84.9 ± 0.3", "60,000"});
  table.add_row({"größe 語", "9.1", "-"});
  table.add_row({"kNN", "", "512"});
  EXPECT_EQ(table.to_text(TableStyle::plain),
            "method         top-1  images\n"
            "linear    84.9 ± 0.3  60,000\n"
            "größe 語         9.1       -\n"
            "kNN                      512\n");
  EXPECT_EQ(table.to_text(TableStyle::terminal),
            "method         top-1  images\n"
            "────────  ──────────  ──────\n"
            "linear    84.9 ± 0.3  60,000\n"
            "größe 語         9.1       -\n"
            "kNN                      512\n");
}

TEST(Table, OneWordMakesAColumnOfWords) {
  Table table({"a", "b"});
  table.add_row({"1", "1"});
  table.add_row({"22", "x2"});
  EXPECT_EQ(table.to_text(TableStyle::plain), " a  b\n 1  1\n22  x2\n");
}

TEST(Table, WithoutRowsShowsItsHeads) {
  EXPECT_EQ(Table({"name", "v"}).to_text(TableStyle::plain), "name  v\n");
}

TEST(Table, RowsHaveAsManyCellsAsHeads) {
  Table table({"a", "b"});
  EXPECT_THROW(table.add_row({"1"}), std::invalid_argument);
}

TEST(DisplayWidth, CountsColumns) {
  EXPECT_EQ(display_width(""), 0);
  EXPECT_EQ(display_width("abc"), 3);
  EXPECT_EQ(display_width("größe ±"), 7);
  EXPECT_EQ(display_width("e\u0301"), 1);
  EXPECT_EQ(display_width("語學"), 4);
  EXPECT_EQ(display_width("한"), 2);
  EXPECT_EQ(display_width("😀"), 2);
  EXPECT_EQ(display_width("─"), 1);
  EXPECT_EQ(display_width("a\xff\xfe"), 3);
}

TEST(DisplayWidth, PadsToColumns) {
  EXPECT_EQ(pad("語", 4), "語  ");
  EXPECT_EQ(pad("語", 4, true), "  語");
  EXPECT_EQ(pad("long", 2), "long");
}

TEST(Quantities, Durations) {
  EXPECT_EQ(format_duration(0.0), "0.0s");
  EXPECT_EQ(format_duration(0.26), "0.3s");
  EXPECT_EQ(format_duration(9.94), "9.9s");
  EXPECT_EQ(format_duration(9.96), "10s");
  EXPECT_EQ(format_duration(59.4), "59s");
  EXPECT_EQ(format_duration(59.7), "1m00s");
  EXPECT_EQ(format_duration(200.0), "3m20s");
  EXPECT_EQ(format_duration(3599.6), "1h00m");
  EXPECT_EQ(format_duration(3900.0), "1h05m");
  EXPECT_EQ(format_duration(86399.9), "1d00h");
  EXPECT_EQ(format_duration(183600.0), "2d03h");
  EXPECT_EQ(format_duration(-1.0), "--");
  EXPECT_EQ(format_duration(std::nan("")), "--");
  EXPECT_EQ(format_duration(INFINITY), "--");
}

TEST(Quantities, Counts) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1000), "1,000");
  EXPECT_EQ(format_count(60000), "60,000");
  EXPECT_EQ(format_count(-100), "-100");
  EXPECT_EQ(format_count(-1234567), "-1,234,567");
  EXPECT_EQ(format_count(std::numeric_limits<int64_t>::min()), "-9,223,372,036,854,775,808");
}

TEST(Quantities, Bytes) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1024), "1.0 KiB");
  EXPECT_EQ(format_bytes(1536), "1.5 KiB");
  EXPECT_EQ(format_bytes((int64_t{1} << 20) - 1), "1.0 MiB");
  EXPECT_EQ(format_bytes(int64_t{12} << 30), "12.0 GiB");
  EXPECT_EQ(format_bytes(std::numeric_limits<int64_t>::max()), "8.0 EiB");
}

TEST(Quantities, FixedDecimals) {
  EXPECT_EQ(format_fixed(3.14159, 2), "3.14");
  EXPECT_EQ(format_fixed(2.0, 0), "2");
  EXPECT_EQ(format_fixed(-0.06, 1), "-0.1");
  EXPECT_EQ(format_fixed(std::numeric_limits<double>::max(), 0).size(), 309u);
  EXPECT_EQ(format_fixed(std::nan(""), 2), "nan");
  EXPECT_EQ(format_fixed(-INFINITY, 2), "-inf");
}

}  // namespace
}  // namespace nearfar
