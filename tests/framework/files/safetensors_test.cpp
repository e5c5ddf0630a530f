// safetensors: published bytes, round trips, and every way a file can lie.
#include "framework/files/safetensors.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "framework/error.h"
#include "framework/files/file_system.h"
#include "tests/framework/files/temporary_folder.h"

namespace nearfar {
namespace {

/// A file from header text and buffer, with the true header length unless another is given.
std::string file_of(const std::string& header, const std::string& buffer = "",
                    int64_t length = -1) {
  const auto number = static_cast<uint64_t>(length < 0 ? header.size() : length);
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(number >> (8 * i) & 255));
  return bytes + header + buffer;
}

SafetensorsFile read(const std::string& bytes) {
  const TemporaryFolder folder;
  real_file_system().write_durably(folder / "f", bytes.data(), bytes.size());
  return read_safetensors(folder / "f");
}

/// What the reader says about bytes, without the path.
std::string refusal(const std::string& bytes) {
  const TemporaryFolder folder;
  real_file_system().write_durably(folder / "f", bytes.data(), bytes.size());
  try {
    read_safetensors(folder / "f");
  } catch (const DataError& error) {
    const std::string what = error.what();
    const std::string prefix = (folder / "f") + ": ";
    return what.starts_with(prefix) ? what.substr(prefix.size()) : "without path: " + what;
  }
  return "accepted";
}

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape +
         ",\"data_offsets\":" + offsets + "}";
}

RawTensorView view(const std::string& dtype, std::vector<int64_t> shape, const std::string& bytes) {
  return {dtype, std::move(shape), bytes.data(), bytes.size()};
}

// huggingface/safetensors, safetensors/src/tensor.rs, test_empty and test_serialization.
TEST(Safetensors, ReadsThePublishedBytes) {
  const SafetensorsFile empty =
      read(std::string("\x08\0\0\0\0\0\0\0", 8) + "{}" + std::string(6, ' '));
  EXPECT_TRUE(empty.tensors.empty());
  EXPECT_TRUE(empty.metadata.empty());

  const std::string header = R"({"attn.0":{"dtype":"F32","shape":[1,2,3],"data_offsets":[0,24]}})";
  const float values[6] = {0, 1, 2, 3, 4, 5};
  const std::string buffer(reinterpret_cast<const char*>(values), sizeof values);
  const std::string bytes =
      std::string("\x40\0\0\0\0\0\0\0", 8) + header + std::string(64 - header.size(), ' ') + buffer;
  const SafetensorsFile file = read(bytes);
  ASSERT_EQ(file.tensors.size(), 1u);
  const RawTensor& tensor = file.at("attn.0");
  EXPECT_EQ(tensor.dtype, "F32");
  EXPECT_EQ(tensor.shape, (std::vector<int64_t>{1, 2, 3}));
  EXPECT_EQ(std::string(tensor.bytes.begin(), tensor.bytes.end()), buffer);
}

TEST(Safetensors, WritesTheFormatToTheByte) {
  const std::string two(2, 'b'), eight(8, 'i'), four(4, 'f');
  const auto bytes = encode_safetensors({{"a", view("U8", {2}, two)},
                                         {"z", view("F32", {}, four)},
                                         {"c", view("I64", {1}, eight)},
                                         {"empty", view("F32", {0, 3}, "")}},
                                        {{"encoder", "tiny"}});
  std::string header =
      R"({"__metadata__":{"encoder":"tiny","format":"pt"},)" + entry("c", "I64", "[1]", "[0,8]") +
      "," + entry("empty", "F32", "[0,3]", "[8,8]") + "," + entry("z", "F32", "[]", "[8,12]") +
      "," + entry("a", "U8", "[2]", "[12,14]") + "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  EXPECT_EQ(std::string(bytes.begin(), bytes.end()), file_of(header, eight + four + two));
}

TEST(Safetensors, KeepsAFormatThatIsGiven) {
  const auto bytes = encode_safetensors({}, {{"format", "np"}});
  EXPECT_EQ(read(std::string(bytes.begin(), bytes.end())).metadata, (Metadata{{"format", "np"}}));
}

RC_GTEST_PROP(SafetensorsProperty, RoundTrips, ()) {
  const std::vector<std::string> dtypes{"BOOL", "U8",  "I8",   "F8_E5M2", "F8_E4M3", "I16",
                                        "U16",  "F16", "BF16", "I32",     "U32",     "F32",
                                        "F64",  "I64", "U64",  "C64",     "F8_E8M0"};
  const auto names = *rc::gen::unique<std::vector<std::string>>(rc::gen::string<std::string>());
  std::vector<std::pair<std::string, RawTensorView>> tensors;
  std::vector<std::string> storage(names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    // Names are UTF-8; rapidcheck's strings are bytes.
    std::string name = std::to_string(i);
    for (const char c : names[i]) name += static_cast<char>(c & 127);
    const std::string dtype = *rc::gen::elementOf(dtypes);
    std::vector<int64_t> shape;
    size_t size = dtype_size(dtype);
    for (int d = *rc::gen::inRange(0, 4); d > 0; --d) {
      shape.push_back(*rc::gen::inRange(0, 5));
      size *= static_cast<size_t>(shape.back());
    }
    storage[i] = *rc::gen::container<std::string>(size, rc::gen::arbitrary<char>());
    tensors.emplace_back(name, view(dtype, shape, storage[i]));
  }
  const auto bytes = encode_safetensors(tensors, {{"key \"/\n", "value \\ \xc3\xa9"}});
  const SafetensorsFile file = read(std::string(bytes.begin(), bytes.end()));
  RC_ASSERT(file.tensors.size() == tensors.size());
  RC_ASSERT(file.metadata == (Metadata{{"format", "pt"}, {"key \"/\n", "value \\ \xc3\xa9"}}));
  for (const auto& [name, expected] : tensors) {
    const RawTensor& found = file.at(name);
    RC_ASSERT(found.dtype == expected.dtype);
    RC_ASSERT(found.shape == expected.shape);
    const auto* bytes_in = static_cast<const uint8_t*>(expected.bytes);
    RC_ASSERT(
        std::equal(found.bytes.begin(), found.bytes.end(), bytes_in, bytes_in + expected.size));
  }
}

RC_GTEST_PROP(SafetensorsProperty, RefusesOrReadsFlippedBytesWithoutHarm, ()) {
  const std::string eight(8, 'x'), four(4, 'y');
  const auto valid =
      encode_safetensors({{"one", view("F64", {1}, eight)}, {"two", view("F32", {1}, four)}}, {});
  std::string bytes(valid.begin(), valid.end());
  bytes[*rc::gen::inRange<size_t>(0, bytes.size())] = *rc::gen::arbitrary<char>();
  bytes.resize(*rc::gen::inRange<size_t>(0, bytes.size() + 1));
  try {
    size_t total = 0;
    for (const auto& [name, tensor] : read(bytes).tensors) total += tensor.bytes.size();
    RC_ASSERT(total == 12u);
  } catch (const DataError&) {
  }
}

TEST(SafetensorsLies, AboutTheHeader) {
  EXPECT_EQ(refusal(""), "too short for a safetensors file: 0 bytes");
  EXPECT_EQ(refusal("1234567"), "too short for a safetensors file: 7 bytes");
  EXPECT_EQ(refusal(file_of("{}", "", 100'000'001)),
            "header of 100000001 bytes is above the limit of 100000000; not a safetensors file?");
  EXPECT_EQ(refusal(std::string(8, '\xff') + "{}").substr(0, 38),
            "header of 18446744073709551615 bytes i");
  EXPECT_EQ(refusal(file_of("{}", "", 99'999'999)),
            "truncated: header of 99999999 bytes in a file of 10");
  EXPECT_EQ(refusal(file_of("")), "header does not start with '{'");
  EXPECT_EQ(refusal(file_of(" {}")), "header does not start with '{'");
  EXPECT_EQ(refusal(file_of("{/**/}")), "header: comments are not allowed");
  EXPECT_EQ(refusal(file_of("{\"__metadata__\":{\"a\":\"//\"}}")), "accepted");
  EXPECT_NE(refusal(file_of("{\"a\":")), "accepted");
  EXPECT_NE(refusal(file_of("{}{}")), "accepted");
  EXPECT_NE(refusal(file_of("{\"a\":[[[[[[[[1]]]]]]]]}")), "accepted");
  EXPECT_EQ(refusal(file_of("{\"__metadata__\":[]}")), "__metadata__ is not an object");
  EXPECT_EQ(refusal(file_of("{\"__metadata__\":{\"a\":1}}")), "__metadata__ \"a\" is not a string");
}

TEST(SafetensorsLies, AboutHowManyNumbersAShapeHas) {
  // Parsed, eight million numbers would take 1.6 GB.
  std::string header = "{\"a\":{\"dtype\":\"U8\",\"shape\":[1";
  for (int i = 0; i < 8'000'000; ++i) header += ",1";
  EXPECT_EQ(refusal(file_of(header + "],\"data_offsets\":[0,1]}}", "x")),
            "header:1:2097173: expected at most 1048576 values, found more");
}

TEST(SafetensorsLies, AboutATensor) {
  const std::string form =
      "tensor \"a\": expected {\"dtype\", \"shape\", \"data_offsets\": "
      "[begin, end]}";
  EXPECT_EQ(refusal(file_of("{\"a\":1}")), form);
  EXPECT_EQ(refusal(file_of("{\"a\":{\"dtype\":\"U8\",\"shape\":[0]}}")), form);
  EXPECT_EQ(refusal(file_of("{" + entry("a", "U8", "[0]", "[0,0,0]") + "}")), form);
  EXPECT_EQ(refusal(file_of("{" + entry("a", "F99", "[1]", "[0,1]") + "}", "x")),
            "tensor \"a\": unknown dtype F99");
  EXPECT_EQ(refusal(file_of("{" + entry("a", "U8", "[-1]", "[0,1]") + "}", "x")),
            "tensor \"a\" shape: expected integers of at least 0");
  EXPECT_EQ(refusal(file_of("{" + entry("a", "U8", "[1.0]", "[0,1]") + "}", "x")),
            "tensor \"a\" shape: expected integers of at least 0");
  EXPECT_EQ(refusal(file_of("{" + entry("a", "U8", "[1]", "[-1,0]") + "}", "x")),
            "tensor \"a\" data_offsets: expected integers of at least 0");
  EXPECT_EQ(refusal(file_of("{" + entry("a", "F32", "[1]", "[0,3]") + "}", "xxx")),
            "tensor \"a\": data_offsets [0, 3] do not hold the 4 bytes of its shape");
  EXPECT_EQ(refusal(file_of("{" + entry("a", "U8", "[1]", "[1,0]") + "}", "x")),
            "tensor \"a\": data_offsets [1, 0] do not hold the 1 bytes of its shape");
  const std::string huge = "[4294967296,4294967296]";
  EXPECT_EQ(refusal(file_of("{" + entry("a", "U8", huge, "[0,0]") + "}")),
            "tensor \"a\": shape overflows");
  EXPECT_EQ(refusal(file_of("{" + entry("a", "F64", "[2305843009213693952]", "[0,0]") + "}")),
            "tensor \"a\": shape overflows");
}

TEST(SafetensorsLies, AboutTheBuffer) {
  const std::string a = entry("a", "U8", "[2]", "[0,2]");
  EXPECT_EQ(refusal(file_of("{" + a + "}", "xy")), "accepted");
  EXPECT_EQ(refusal(file_of("{" + a + "}", "xyz")),
            "tensors end at byte 2 of a buffer of 3 (hole)");
  EXPECT_EQ(refusal(file_of("{" + a + "}", "x")),
            "tensors end at byte 2 of a buffer of 1 (truncated)");
  EXPECT_EQ(refusal(file_of("{" + a + "," + entry("b", "U8", "[2]", "[1,3]") + "}", "xyz")),
            "tensor \"b\": begins at 1, expected 2 (overlap)");
  EXPECT_EQ(refusal(file_of("{" + a + "," + entry("b", "U8", "[1]", "[3,4]") + "}", "xyzw")),
            "tensor \"b\": begins at 3, expected 2 (hole)");
  EXPECT_EQ(refusal(file_of("{" + a + "," + a + "}", "xy")).find("accepted"), std::string::npos);
  // A terabyte is promised in 100 bytes: refused before memory is taken.
  EXPECT_EQ(refusal(file_of("{" + entry("a", "U8", "[1099511627776]", "[0,1099511627776]") + "}")),
            "tensors end at byte 1099511627776 of a buffer of 0 (truncated)");
}

TEST(Safetensors, OrderOfTheHeaderDoesNotMatter) {
  const SafetensorsFile file = read(file_of("{" + entry("late", "U8", "[1]", "[2,3]") + "," +
                                                entry("early", "U8", "[2]", "[0,2]") + "," +
                                                entry("empty", "F32", "[0]", "[2,2]") + "}",
                                            "xyz"));
  ASSERT_EQ(file.tensors.size(), 3u);
  EXPECT_EQ(file.tensors[0].first, "early");
  EXPECT_EQ(file.tensors[1].first, "empty");
  EXPECT_EQ(file.at("late").bytes, (std::vector<uint8_t>{'z'}));
}

TEST(Safetensors, NamesWhatIsMissing) {
  const SafetensorsFile file = read(file_of("{}"));
  EXPECT_EQ(file.find("x"), nullptr);
  try {
    file.at("x");
    FAIL();
  } catch (const DataError& error) {
    EXPECT_EQ(std::string(error.what()), file.path + ": no tensor \"x\"");
  }
  EXPECT_THROW(read_safetensors("/nonexistent/file"), DataError);
  EXPECT_THROW(read_safetensors("/tmp"), DataError);
}

TEST(Safetensors, RefusesToWriteWhatIsWrong) {
  const std::string four(4, 'x');
  const auto encode = [](const std::vector<std::pair<std::string, RawTensorView>>& tensors) {
    return encode_safetensors(tensors, {});
  };
  EXPECT_THROW(encode({{"a", view("F32", {2}, four)}}), std::invalid_argument);
  EXPECT_THROW(encode({{"a", view("F32", {-1}, four)}}), std::invalid_argument);
  EXPECT_THROW(encode({{"a", view("F31", {1}, four)}}), std::invalid_argument);
  EXPECT_THROW(encode({{"__metadata__", view("F32", {1}, four)}}), std::invalid_argument);
  EXPECT_THROW(encode({{"a", view("F32", {1}, four)}, {"a", view("F32", {1}, four)}}),
               std::invalid_argument);
}

TEST(Safetensors, WritesThroughTheFileSystem) {
  const TemporaryFolder folder;
  const std::string four(4, 'x');
  write_safetensors(real_file_system(), folder / "f", {{"a", view("F32", {1}, four)}}, {});
  EXPECT_EQ(read_safetensors(folder / "f").at("a").bytes, std::vector<uint8_t>(4, 'x'));
}

}  // namespace
}  // namespace nearfar
