// Separated values by RFC 4180.
#include "framework/files/csv.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "framework/error.h"

namespace nearfar {
namespace {

using Fields = std::vector<std::string>;

std::vector<CsvRecord> records_of(const std::string& text, char separator = ',') {
  CsvReader reader(text, "list.csv", separator);
  std::vector<CsvRecord> records;
  for (CsvRecord record; reader.next(record);) records.push_back(record);
  return records;
}

std::string error_of(const std::string& text) {
  try {
    records_of(text);
  } catch (const DataError& error) {
    return error.what();
  }
  return "";
}

TEST(Csv, FieldsQuotesAndLines) {
  const auto records = records_of(
      "\xEF\xBB\xBFpath,label\r\n\n\"a,b\",\"say \"\"no\"\"\"\r\n c ,\n\"two\nlines\",x");
  ASSERT_EQ(records.size(), 4u);
  EXPECT_EQ(records[0].fields, (Fields{"path", "label"}));
  EXPECT_EQ(records[1].fields, (Fields{"a,b", "say \"no\""}));
  EXPECT_EQ(records[2].fields, (Fields{" c ", ""}));
  EXPECT_EQ(records[3].fields, (Fields{"two\nlines", "x"}));
  EXPECT_EQ(records[1].line, 3);
  EXPECT_EQ(records[3].line, 5);
  EXPECT_EQ(records_of("a\tb,c\n", '\t')[0].fields, (Fields{"a", "b,c"}));
  EXPECT_TRUE(records_of("").empty());
  EXPECT_TRUE(records_of("\xEF\xBB\xBF\r\n\n").empty());
}

TEST(Csv, WhatItIsNotIsNamedByLine) {
  EXPECT_EQ(error_of("a\nb\"c\n"),
            "list.csv:2: a quote inside a field that does not begin with one");
  EXPECT_EQ(error_of("a\n\"b\nc"), "list.csv:2: a quote is never closed");
  EXPECT_EQ(error_of("\"a\nb\"c"),
            "list.csv:2: expected a separator or the line's end after a closing quote");
  EXPECT_EQ(error_of("a\nb\xE9\n"), "list.csv:2: expected UTF-8 text, found other bytes");
  EXPECT_EQ(error_of(std::string("a\n\0b", 4)), "list.csv:2: expected text, found a NUL byte");
  EXPECT_EQ(error_of("\xFF\xFE"
                     "a"),
            "list.csv:1: expected UTF-8 text, found UTF-16");
}

/// A field as RFC 4180 writes it.
std::string written(const std::string& field) {
  if (field.find_first_of(",\"\r\n") == std::string::npos) return field;
  std::string text = "\"";
  for (char c : field) text += c == '"' ? std::string("\"\"") : std::string(1, c);
  return text + "\"";
}

RC_GTEST_PROP(CsvProperty, ReadsWhatWasWritten, ()) {
  const auto field =
      rc::gen::container<std::string>(rc::gen::element('a', ',', '"', '\n', '\r', ' '));
  const auto rows = *rc::gen::nonEmpty(rc::gen::container<std::vector<Fields>>(
      rc::gen::nonEmpty(rc::gen::container<Fields>(field))));
  std::string text;
  std::vector<Fields> expected;
  for (Fields row : rows) {
    row.push_back("end");  // a record of one empty field would be a blank line
    for (size_t i = 0; i < row.size(); ++i) text += (i == 0 ? "" : ",") + written(row[i]);
    text += "\r\n";
    expected.push_back(std::move(row));
  }
  const auto records = records_of(text);
  RC_ASSERT(records.size() == expected.size());
  for (size_t i = 0; i < records.size(); ++i) RC_ASSERT(records[i].fields == expected[i]);
}

RC_GTEST_PROP(CsvProperty, AnyBytesAreReadOrRefused, ()) {
  const auto text = *rc::gen::container<std::string>(
      rc::gen::element('a', ',', '"', '\n', '\r', '\0', '\xC3', '\xA9', '\xFF'));
  const std::string error = error_of(text);
  RC_ASSERT(error.empty() || error.starts_with("list.csv:"));
}

}  // namespace
}  // namespace nearfar
