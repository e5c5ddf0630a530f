// Reading .npy files: bytes that NumPy wrote, every type and order, and lies.
#include "framework/files/npy.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstring>

#include "framework/error.h"
#include "tests/framework/files/temporary_folder.h"

namespace nearfar {
namespace {

using Bytes = std::vector<uint8_t>;

/// A file with that header, padded as NumPy pads it, and those numbers.
Bytes npy(const std::string& header, const Bytes& numbers, int version = 1) {
  const size_t start = version == 1 ? 10 : 12;
  std::string text = header;
  while ((start + text.size() + 1) % 64 != 0) text += ' ';
  text += '\n';
  Bytes bytes{0x93, 'N', 'U', 'M', 'P', 'Y', static_cast<uint8_t>(version), 0};
  for (size_t i = 0; i < start - 8; ++i)
    bytes.push_back(static_cast<uint8_t>(text.size() >> 8 * i));
  bytes.insert(bytes.end(), text.begin(), text.end());
  bytes.insert(bytes.end(), numbers.begin(), numbers.end());
  return bytes;
}

std::string described(const std::string& descr, const std::string& shape,
                      const std::string& fortran = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }";
}

RawTensor read(const Bytes& bytes) {
  const TemporaryFolder folder;
  return read_npy(folder.write("a.npy", bytes));
}

/// The message behind "PATH: ".
std::string error_of(const Bytes& bytes) {
  try {
    read(bytes);
  } catch (const DataError& error) {
    const std::string what = error.what();
    return what.substr(what.find("a.npy: ") + 7);
  }
  return "";
}

TEST(Npy, ReadsWhatNumPyWrote) {
  // numpy.save of numpy.array([[1, 2, 3], [250, 251, 252]], "uint8") by NumPy 2.4.
  const std::string header =
      "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }" + std::string(58, ' ') + "\n";
  ASSERT_EQ(header.size(), 0x76u);
  const std::string text =
      std::string("\x93NUMPY\1\0v\0", 10) + header + "\x01\x02\x03\xfa\xfb\xfc";
  const RawTensor array = read({text.begin(), text.end()});
  EXPECT_EQ(array.dtype, "U8");
  EXPECT_EQ(array.shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(array.bytes, (Bytes{1, 2, 3, 250, 251, 252}));
}

TEST(Npy, TypesAndByteOrders) {
  const std::pair<const char*, const char*> types[] = {
      {"|b1", "BOOL"}, {"|i1", "I8"},  {"<u2", "U16"}, {"<i2", "I16"},
      {"<u4", "U32"},  {"<i4", "I32"}, {"<u8", "U64"}, {"<i8", "I64"},
      {"<f2", "F16"},  {"<f4", "F32"}, {"<f8", "F64"}};
  for (const auto& [descr, dtype] : types) {
    const Bytes numbers(2 * dtype_size(dtype), 7);
    const RawTensor array = read(npy(described(descr, "(2,)"), numbers));
    EXPECT_EQ(array.dtype, dtype);
    EXPECT_EQ(array.bytes, numbers);
  }
  const RawTensor big = read(npy(described(">i4", "(2,)"), {0, 0, 1, 2, 0xFF, 0xFF, 0xFF, 0xFE}));
  int32_t numbers[2];
  std::memcpy(numbers, big.bytes.data(), sizeof numbers);
  EXPECT_EQ(numbers[0], 258);
  EXPECT_EQ(numbers[1], -2);
}

TEST(Npy, VersionsAndSpellings) {
  for (const int version : {1, 2, 3}) {
    EXPECT_EQ(read(npy(described("|u1", "(1, 2)"), {8, 9}, version)).bytes, (Bytes{8, 9}));
  }
  EXPECT_EQ(read(npy("{\"shape\":(2L,),\"fortran_order\":False,\"descr\":\"|u1\"}", {8, 9})).shape,
            (std::vector<int64_t>{2}));
  EXPECT_TRUE(read(npy(described("<f8", "()"), Bytes(8))).shape.empty());
  EXPECT_TRUE(read(npy(described("<f8", "(0, 5)"), {})).bytes.empty());
  EXPECT_EQ(read(npy(described("|u1", "(2,)", "True"), {8, 9})).bytes, (Bytes{8, 9}));
}

TEST(Npy, LiesAreNamed) {
  const Bytes four(4);
  EXPECT_EQ(error_of({}), "truncated start of a .npy file");
  EXPECT_EQ(error_of(Bytes(64, 'x')), "expected a .npy file, found other contents");
  EXPECT_EQ(error_of(npy(described("|u1", "(4,)"), four, 9)),
            "expected format version 1.0, 2.0 or 3.0, found 9.0");
  EXPECT_EQ(
      error_of(npy(described("|u1", "(2, 2)", "True"), four)),
      "expected an array in C order, found Fortran order; save numpy.ascontiguousarray(array)");
  EXPECT_EQ(error_of(npy(described("|u1", "(5,)"), four)),
            "expected 5 bytes of numbers after the header, found 4 (truncated?)");
  EXPECT_EQ(error_of(npy(described("|u1", "(3,)"), four)),
            "expected 3 bytes of numbers after the header, found 4");
  EXPECT_EQ(error_of(npy(described("<f8", "(4611686018427387904, 4)"), four)),
            "the shape overflows");
  EXPECT_EQ(error_of(npy(described("|u1", "(99999999999999999999,)"), four)),
            "header: expected a number of at least 0 at byte 51");
  EXPECT_EQ(error_of(npy(described("|u1", "(-4,)"), four)),
            "header: expected a number of at least 0 at byte 51");
  EXPECT_EQ(error_of(npy(described("|O", "(4,)"), four)),
            "expected a type like '|u1', '<i8' or '<f4', found '|O'");
  EXPECT_EQ(
      error_of(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", four)),
      "expected an array of plain numbers, found one of structures");
  EXPECT_EQ(error_of(npy("{'descr': '|u1', 'shape': (4,), }", four)),
            "header: expected the keys descr, fortran_order and shape at byte 54");
  EXPECT_EQ(
      error_of(npy("{'descr': '|u1', 'descr': '|u1'}", four)),
      "header: expected each of descr, fortran_order and shape once, not \"descr\", at byte 25");
  EXPECT_EQ(error_of(npy("__import__('os')", four)), "header: expected '{' at byte 0");
}

TEST(Npy, AHeaderTakesNoMemoryThatTheFileDoesNotHold) {
  Bytes bytes = npy(described("|u1", "(4,)"), Bytes(4), 2);
  bytes[11] = 0x7F;  // a header of two gigabytes
  EXPECT_TRUE(error_of(bytes).starts_with("header of 21")) << error_of(bytes);
  EXPECT_TRUE(error_of(npy(described("<f8", "(1099511627776,)"), Bytes(4)))
                  .starts_with("expected 8796093022208 bytes"));
}

RC_GTEST_PROP(NpyProperty, ChangedBytesAreReadOrRefused, ()) {
  Bytes bytes = npy(described("<i2", "(3, 2)"), Bytes(12, 1));
  const auto changes = *rc::gen::inRange(1, 6);
  for (int i = 0; i < changes; ++i) {
    const auto at = *rc::gen::inRange<size_t>(0, bytes.size());
    bytes[at] = *rc::gen::arbitrary<uint8_t>();
  }
  if (*rc::gen::arbitrary<bool>()) bytes.resize(*rc::gen::inRange<size_t>(0, bytes.size()));
  const TemporaryFolder folder;
  const std::string path = folder.write("a.npy", bytes);
  try {
    const RawTensor array = read_npy(path);
    size_t size = dtype_size(array.dtype);
    for (const int64_t dimension : array.shape) size *= static_cast<size_t>(dimension);
    RC_ASSERT(array.bytes.size() == size);
  } catch (const DataError& error) {
    RC_ASSERT(std::string(error.what()).starts_with(path + ": "));
  }
}

}  // namespace
}  // namespace nearfar
