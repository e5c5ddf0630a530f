// Tensors through safetensors: every dtype to the bit, any strides, and errors that name all
// misfits.
#include "framework/checkpoint/tensors.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cstring>

#include "framework/error.h"
#include "framework/files/file_system.h"
#include "tests/framework/files/temporary_folder.h"

namespace nearfar {
namespace {

SafetensorsFile through_file(const NamedTensors& tensors, const Metadata& metadata = {}) {
  const TemporaryFolder folder;
  const auto bytes = encode_tensors(tensors, metadata);
  real_file_system().write_durably(folder / "f", bytes.data(), bytes.size());
  SafetensorsFile file = read_safetensors(folder / "f");
  file.path = "model.safetensors";
  return file;
}

/// A tensor of random bytes (booleans: 0 and 1), so that NaN payloads are met as well.
at::Tensor random_bits(at::ScalarType type, at::IntArrayRef shape, uint32_t seed) {
  at::Tensor tensor = at::empty(shape, at::TensorOptions(type));
  auto* bytes = static_cast<uint8_t*>(tensor.mutable_data_ptr());
  for (size_t i = 0; i < tensor.nbytes(); ++i) {
    seed = seed * 1664525u + 1013904223u;
    bytes[i] = static_cast<uint8_t>(type == at::kBool ? seed >> 31 : seed >> 24);
  }
  return tensor;
}

bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  return a.scalar_type() == b.scalar_type() && a.sizes() == b.sizes() &&
         std::memcmp(a.const_data_ptr(), b.const_data_ptr(), a.nbytes()) == 0;
}

TEST(Tensors, EveryDtypeComesBackToTheBit) {
  const std::vector<std::pair<at::ScalarType, std::string>> types{{at::kBool, "BOOL"},
                                                                  {at::kByte, "U8"},
                                                                  {at::kChar, "I8"},
                                                                  {at::kFloat8_e5m2, "F8_E5M2"},
                                                                  {at::kFloat8_e4m3fn, "F8_E4M3"},
                                                                  {at::kFloat8_e8m0fnu, "F8_E8M0"},
                                                                  {at::kShort, "I16"},
                                                                  {at::kUInt16, "U16"},
                                                                  {at::kHalf, "F16"},
                                                                  {at::kBFloat16, "BF16"},
                                                                  {at::kInt, "I32"},
                                                                  {at::kUInt32, "U32"},
                                                                  {at::kFloat, "F32"},
                                                                  {at::kComplexFloat, "C64"},
                                                                  {at::kDouble, "F64"},
                                                                  {at::kLong, "I64"},
                                                                  {at::kUInt64, "U64"}};
  NamedTensors tensors;
  for (const auto& [type, name] : types) tensors.emplace_back(name, random_bits(type, {3, 5}, 1));
  const SafetensorsFile file = through_file(tensors);
  for (const auto& [name, tensor] : tensors) {
    EXPECT_EQ(file.at(name).dtype, name);
    EXPECT_TRUE(same_bits(to_tensor(file.at(name)), tensor)) << name;
  }
}

TEST(Tensors, EmptyAndScalarOnes) {
  const SafetensorsFile file =
      through_file({{"scalar", at::scalar_tensor(2.5, at::kDouble)}, {"empty", at::empty({0, 7})}});
  EXPECT_EQ(to_tensor(file.at("scalar")).dim(), 0);
  EXPECT_EQ(to_tensor(file.at("scalar")).item<double>(), 2.5);
  EXPECT_EQ(to_tensor(file.at("empty")).sizes(), at::IntArrayRef({0, 7}));
}

/// Element (n, c, h, w) of every tensor below is this number.
float element(int64_t n, int64_t c, int64_t h, int64_t w) {
  return static_cast<float>(((n * 3 + c) * 4 + h) * 5 + w);
}

TEST(Tensors, AreWrittenRowMajorWhateverTheirStrides) {
  const at::Tensor plain = at::arange(2 * 3 * 4 * 5, at::kFloat).view({2, 3, 4, 5});
  const at::Tensor wide = at::arange(4 * 3 * 4 * 5, at::kFloat).view({4, 3, 4, 5}).slice(0, 0, 2);
  const NamedTensors tensors{
      {"channels_last", plain.contiguous(at::MemoryFormat::ChannelsLast)},
      {"transposed", plain.permute({3, 1, 0, 2}).contiguous().permute({2, 1, 3, 0})},
      {"slice", wide},
      {"negated", at::_neg_view(-plain)},
      {"expanded", plain.requires_grad_()}};
  const SafetensorsFile file = through_file(tensors);
  for (const auto& [name, tensor] : tensors) {
    const auto* values = reinterpret_cast<const float*>(file.at(name).bytes.data());
    ASSERT_EQ(file.at(name).bytes.size(), 480u);
    for (int64_t n = 0; n < 2; ++n)
      for (int64_t c = 0; c < 3; ++c)
        for (int64_t h = 0; h < 4; ++h)
          for (int64_t w = 0; w < 5; ++w) EXPECT_EQ(*values++, element(n, c, h, w)) << name;
  }
}

TEST(Tensors, ConjugateViewsAreResolved) {
  const at::Tensor z = at::complex(at::ones({2}), at::ones({2}));
  const at::Tensor back = to_tensor(through_file({{"z", at::conj(z)}}).at("z"));
  EXPECT_TRUE(at::equal(at::imag(back), -at::ones({2})));
}

TEST(Tensors, WhatTheFormatCannotHoldIsRefused) {
  EXPECT_THROW(encode_tensors({{"z", at::zeros({1}, at::kComplexDouble)}}), std::invalid_argument);
  EXPECT_THROW(encode_tensors({{"u", at::Tensor()}}), std::invalid_argument);
  EXPECT_THROW(encode_tensors({{"a", at::zeros({1})}, {"a", at::zeros({1})}}),
               std::invalid_argument);
  EXPECT_THROW(to_tensor({"F32", {2}, std::vector<uint8_t>(4)}), std::invalid_argument);
  EXPECT_THROW(to_tensor({"F99", {1}, std::vector<uint8_t>(4)}), std::invalid_argument);
}

TEST(LoadInto, CopiesIntoTheTensorsThemselves) {
  const at::Tensor weight = at::zeros({2, 3}).requires_grad_();
  const at::Tensor kernel = at::zeros({2, 3, 4, 5}).contiguous(at::MemoryFormat::ChannelsLast);
  const void* memory = weight.const_data_ptr();
  const at::Tensor new_weight = random_bits(at::kInt, {2, 3}, 2).view(at::kFloat);
  const at::Tensor new_kernel = at::arange(120, at::kFloat).view({2, 3, 4, 5});
  load_into({{"weight", weight}, {"kernel", kernel}},
            through_file({{"kernel", new_kernel}, {"weight", new_weight}}));
  EXPECT_TRUE(same_bits(weight.detach(), new_weight));
  EXPECT_TRUE(at::equal(kernel, new_kernel));
  EXPECT_TRUE(kernel.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_EQ(weight.const_data_ptr(), memory);
  EXPECT_TRUE(weight.requires_grad());
}

TEST(LoadInto, NamesAllMisfitsInOneLineAndChangesNothing) {
  const at::Tensor a = at::zeros({2}), b = at::zeros({2, 3}), c = at::zeros({4}),
                   fits = at::zeros({1});
  const SafetensorsFile file = through_file({{"b", at::ones({3, 2})},
                                             {"c", at::ones({4}, at::kDouble)},
                                             {"fits", at::ones({1})},
                                             {"x", at::ones({1})},
                                             {"y", at::ones({1})}});
  try {
    load_into({{"a", a}, {"a2", a}, {"b", b}, {"c", c}, {"fits", fits}}, file);
    FAIL();
  } catch (const CheckpointError& error) {
    EXPECT_STREQ(error.what(),
                 "model.safetensors: does not fit; missing: a, a2; unexpected: x, y; misshapen: b "
                 "(expected F32 [2, 3], found F32 [3, 2]), c (expected F32 [4], found F64 [4])");
  }
  EXPECT_EQ(fits.item<float>(), 0.0f);
}

TEST(LoadInto, ExtraTensorsAreAllowedOnlyWhenAskedFor) {
  const at::Tensor a = at::zeros({1});
  const SafetensorsFile file = through_file({{"a", at::ones({1})}, {"fc.bias", at::ones({1})}});
  EXPECT_THROW(load_into({{"a", a}}, file), CheckpointError);
  load_into({{"a", a}}, file, Match::extra_allowed);
  EXPECT_EQ(a.item<float>(), 1.0f);
  EXPECT_THROW(load_into({{"b", a}}, file, Match::extra_allowed), CheckpointError);
}

TEST(ToTensors, KeepsNamesAndMetadata) {
  const SafetensorsFile file =
      through_file({{"b", at::ones({1})}, {"a", at::zeros({1})}}, {{"encoder", "tiny"}});
  const NamedTensors tensors = to_tensors(file);
  ASSERT_EQ(tensors.size(), 2u);
  EXPECT_EQ(tensors[0].first, "a");
  EXPECT_EQ(tensors[1].second.item<float>(), 1.0f);
  EXPECT_EQ(file.metadata.at("encoder"), "tiny");
}

}  // namespace
}  // namespace nearfar
