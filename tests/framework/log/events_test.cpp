// Event files: bytes that TensorBoard's own writer makes, checksums, and what survives a crash.
#include "framework/log/events.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <filesystem>

#include "framework/files/file_system.h"
#include "framework/log/crc32c.h"
#include "framework/log/event_file.h"
#include "framework/log/wire.h"
#include "tests/framework/files/temporary_folder.h"

namespace nearfar {
namespace {

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    text += "0123456789abcdef"[static_cast<uint8_t>(byte) >> 4];
    text += "0123456789abcdef"[static_cast<uint8_t>(byte) & 15];
  }
  return text;
}

/// CRC-32C a bit at a time: the definition.
uint32_t crc_by_bits(std::string_view bytes) {
  uint32_t crc = 0xFFFFFFFF;
  for (const char byte : bytes) {
    for (int bit = 0; bit < 8; ++bit) {
      const bool feedback = ((crc ^ (static_cast<uint8_t>(byte) >> bit)) & 1) != 0;
      crc = (crc >> 1) ^ (feedback ? 0x82F63B78 : 0);
    }
  }
  return ~crc;
}

TEST(Crc32c, EqualsThePublishedValues) {
  EXPECT_EQ(crc32c(""), 0u);
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
  // RFC 3720, appendix B.4.
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43u);
  std::string rising;
  for (char byte = 0; byte < 32; ++byte) rising += byte;
  EXPECT_EQ(crc32c(rising), 0x46DD794Eu);
  std::reverse(rising.begin(), rising.end());
  EXPECT_EQ(crc32c(rising), 0x113FDB5Cu);
}

RC_GTEST_PROP(Crc32c, EqualsTheDefinition, (const std::string& bytes)) {
  RC_ASSERT(crc32c(bytes) == crc_by_bits(bytes));
}

TEST(WireMessage, WritesTheEncodingGuidesExamples) {
  // protobuf.dev/programming-guides/encoding: {a: 150}, {b: "testing"}, {c: {a: 150}}.
  const WireMessage inner = WireMessage().integer(1, 150);
  EXPECT_EQ(hex(inner.bytes()), "089601");
  EXPECT_EQ(hex(WireMessage().text(2, "testing").bytes()), "120774657374696e67");
  EXPECT_EQ(hex(WireMessage().message(3, inner).bytes()), "1a03089601");
  EXPECT_EQ(hex(WireMessage().integer(1, -2).bytes()), "08feffffffffffffffff01");
  EXPECT_EQ(hex(WireMessage().single(1, 1.0f).bytes()), "0d0000803f");
}

RC_GTEST_PROP(WireMessage, ReadsBackAnInteger, (int64_t value, const std::string& text)) {
  const std::string bytes =
      WireMessage().real(1, 0.5).text(9, text).integer(2, value).single(3, 2.0f).bytes();
  RC_ASSERT(integer_field(bytes, 2) == value);
  RC_ASSERT(integer_field(bytes, 4) == 0);
}

TEST(WireMessage, RefusesWhatIsNoMessage) {
  EXPECT_FALSE(integer_field("\x10", 2));                   // a key without a value
  EXPECT_FALSE(integer_field("\x12\x05gone", 2));           // more bytes promised than there are
  EXPECT_FALSE(integer_field("\x0b", 2));                   // a group: not used for decades
  EXPECT_FALSE(integer_field(std::string(11, '\xff'), 2));  // a number without an end
}

TEST(EventFile, RecordsAreThoseOfTensorBoardsWriter) {
  // Bytes of protoc 3.21 and of the framing of tensorflow's record_writer.
  EXPECT_EQ(hex(framed(version_event(1.7e9))),
            "1800000000000000a37f4b220900000040fc54d9411a0d627261696e2e4576656e743a32eced8f9d");
  EXPECT_EQ(hex(framed(scalar_event({1.7e9 + 1, 5}, {{"train/loss", 0.5}}))),
            "200000000000000029eda9500900004040fc54d94110052a130a110a0a747261696e2f6c6f73731500000"
            "03f03f94604");
}

std::string steps(std::initializer_list<int64_t> list) {
  std::string bytes = framed(version_event(1.0));
  for (const int64_t step : list) bytes += framed(scalar_event({2.0, step}, {{"loss", 0.5}}));
  return bytes;
}

TEST(EventFile, IsCutAtTheFirstRecordBeyondTheStep) {
  EXPECT_EQ(valid_prefix(steps({1, 2, 3}), 2), steps({1, 2}).size());
  EXPECT_EQ(valid_prefix(steps({1, 2, 3}), 9), steps({1, 2, 3}).size());
  EXPECT_EQ(valid_prefix(steps({1, 5, 2}), 2), steps({1}).size());
  EXPECT_EQ(valid_prefix("", 2), 0u);
}

TEST(EventFile, EveryTornOrDamagedTailIsCutOff) {
  const std::string whole = steps({1, 2});
  for (size_t size = steps({1}).size(); size < whole.size(); ++size) {
    EXPECT_EQ(valid_prefix(whole.substr(0, size), 9), steps({1}).size()) << size;
    std::string damaged = whole;
    damaged[size] = static_cast<char>(damaged[size] ^ 0x10);
    EXPECT_EQ(valid_prefix(damaged, 9), steps({1}).size()) << size;
  }
}

std::vector<std::string> names(const std::string& folder) {
  std::vector<std::string> list;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    list.push_back(entry.path().filename().string());
  }
  std::sort(list.begin(), list.end());
  return list;
}

TEST(EventFile, AContinuedRunCutsBackAndStartsAFileBehind) {
  const TemporaryFolder folder;
  const std::string events = folder / "tensorboard";
  {
    EventFile first(events, 0);
    for (int64_t step : {1, 2, 3}) first.write(scalar_event({2.0, step}, {{"loss", 0.5}}));
  }
  const std::string earlier = names(events).front();
  {
    EventFile second(events, 2);
    second.write(scalar_event({3.0, 3}, {{"loss", 0.25}}));
  }
  ASSERT_EQ(names(events).size(), 2u);
  EXPECT_EQ(names(events).front(), earlier) << "the new file must sort behind";
  const std::string kept = read_text(events + "/" + earlier);
  EXPECT_EQ(kept.size(), steps({1, 2}).size());
  // Version, restart (SessionLog, field 7, of step 3), scalar.
  const std::string continued = read_text(events + "/" + names(events).back());
  EXPECT_NE(continued.find(std::string("\x10\x03\x3a\x02\x08\x01", 6)), std::string::npos);
  EXPECT_EQ(valid_prefix(continued, 3), continued.size());
  EXPECT_EQ(valid_prefix(continued, 2), framed(version_event(0.0)).size());

  const EventFile fresh(events, 0);
  EXPECT_EQ(names(events).size(), 1u) << "a run that starts at step 0 begins anew";
}

TEST(Histogram, CountsWhatNaiveCountingDoes) {
  const std::vector<float> values = {0.0f, 1.0f, 2.0f, 2.5f, 4.0f, NAN, INFINITY, 4.0f};
  const Histogram h = *count_in_buckets(values, 4);
  EXPECT_EQ(h.limits, (std::vector<double>{1.0, 2.0, 3.0, 4.0}));
  EXPECT_EQ(h.counts, (std::vector<double>{2.0, 1.0, 1.0, 2.0}));
  EXPECT_EQ(h.count, 6.0);
  EXPECT_EQ(h.sum, 13.5);
  EXPECT_EQ(h.sum_of_squares, 43.25);
  EXPECT_FALSE(count_in_buckets(std::vector<float>{NAN}, 4));
  EXPECT_EQ(count_in_buckets(std::vector<float>{3.0f, 3.0f}, 4)->counts,
            (std::vector<double>{2.0}));
}

RC_GTEST_PROP(Histogram, LosesNothing, (const std::vector<int16_t>& numbers)) {
  RC_PRE(!numbers.empty());
  std::vector<float> values(numbers.begin(), numbers.end());
  const Histogram h = *count_in_buckets(values, 30);
  RC_ASSERT(std::is_sorted(h.limits.begin(), h.limits.end()));
  RC_ASSERT(h.limits.back() == h.highest);
  double below = h.lowest;
  for (size_t i = 0; i < h.limits.size(); ++i) {
    const auto inside = std::count_if(values.begin(), values.end(), [&](float x) {
      return (i == 0 ? x >= below : x > below) && x <= h.limits[i];
    });
    RC_ASSERT(h.counts[i] == static_cast<double>(inside));
    below = h.limits[i];
  }
}

}  // namespace
}  // namespace nearfar
