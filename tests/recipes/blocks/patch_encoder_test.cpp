// Patches cut by hand, the names of the encoder of patches, and networks that have tensors of their
// own.
#include "recipes/blocks/patch_encoder.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "framework/encoders/make_encoder.h"
#include "framework/encoders/rows_per_image.h"
#include "framework/train/own_encoder.h"
#include "tests/framework/encoders/module_tensors.h"

namespace nearfar {
namespace {

constexpr int64_t kPatch = 6;

std::shared_ptr<Encoder> tiny(const NormPlan& norm = {}) {
  EncoderConfig config;
  config.name = "tiny";
  config.width = 4;
  at::manual_seed(3);
  auto encoder = make_encoder(config, 3, kPatch, norm);
  to_double(*encoder);
  return encoder;
}

Random stream() { return {1, 0, 0, Purpose::recipe}; }

TEST(PatchEncoder, GivesEachPatchToTheEncoderRowByRow) {
  const auto inner = tiny();
  PatchEncoder encoder(inner, kPatch, 4);
  encoder.eval();
  const at::Tensor images =
      waves({2, 3, 15, 11}, 0.4).contiguous(at::MemoryFormat::ChannelsLast);  // 3 x 2 patches
  Random random = stream();
  const at::Tensor found = encoder.patches(images, random);
  ASSERT_EQ(found.sizes(), (std::vector<int64_t>{2, 3, 2, 32}));
  for (int64_t r = 0; r < 3; ++r) {
    for (int64_t c = 0; c < 2; ++c) {
      const at::Tensor patch = images.narrow(2, 4 * r, kPatch).narrow(3, 4 * c, kPatch);
      const at::Tensor expected = inner->forward(patch.contiguous(), random);
      EXPECT_LT(worst_difference(found.select(1, r).select(1, c), expected), 1e-12);
    }
  }
  EXPECT_LT(worst_difference(encoder.forward(images, random), found.flatten(1, 2).mean(1)), 1e-12);
}

TEST(PatchEncoder, BatchNormSeesAllPatchesOfTheImagesOfItsGroup) {
  // Images alone, in groups of two, are what groups of two make of five.
  const auto of_groups = std::make_shared<PatchEncoder>(tiny(NormPlan{2}), kPatch, 3);
  const at::Tensor images = waves({5, 3, 12, 12}, 0.9);
  Random random = stream();
  const at::Tensor found = of_groups->patches(images, random);
  for (const auto& [begin, count] : {std::pair(0, 2), std::pair(2, 2), std::pair(4, 1)}) {
    const auto alone = std::make_shared<PatchEncoder>(tiny(), kPatch, 3);
    const at::Tensor expected = alone->patches(images.narrow(0, begin, count), random);
    EXPECT_LT(worst_difference(found.narrow(0, begin, count), expected), 1e-12);
  }
  EXPECT_EQ(RowsPerImage::current(), 1);
}

TEST(PatchEncoder, HasTheNamesOfTheEncoderOfPatches) {
  for (const char* name : {"tiny", "vit_tiny_patch16_224"}) {
    EncoderConfig config;
    config.name = name;
    config.patch = 3;
    config.depth = 1;
    const auto inner = make_encoder(config, 3, kPatch, {});
    const auto parameters = inner->named_parameters();
    PatchEncoder encoder(inner, kPatch, 3);
    EXPECT_EQ(encoder.named_parameters().keys(), parameters.keys());
    EXPECT_EQ(encoder.named_buffers().keys(), inner->named_buffers().keys());
    for (const auto& item : encoder.named_parameters()) {
      EXPECT_TRUE(item.value().is_same(parameters[item.key()])) << item.key();
    }
    encoder.eval();
    EXPECT_FALSE(inner->is_training());
    encoder.train();
    EXPECT_TRUE(inner->is_training());
  }
}

TEST(PatchEncoder, FixedPositionsOfAViTStayFixed) {
  EncoderConfig config;
  config.name = "vit_tiny_patch16_224";
  config.patch = 3;
  config.depth = 1;
  config.position = "sincos";
  const PatchEncoder encoder(make_encoder(config, 3, kPatch, {}), kPatch, 3);
  EXPECT_FALSE(parameter(encoder, "pos_embed").requires_grad());
  EXPECT_TRUE(parameter(encoder, "cls_token").requires_grad());
}

TEST(PatchEncoder, CountsWholePatches) {
  const PatchEncoder encoder(tiny(), kPatch, 4);
  EXPECT_EQ(encoder.grid(6, 9), (PatchGrid{1, 1}));
  EXPECT_EQ(encoder.grid(10, 14), (PatchGrid{2, 3}));
  EXPECT_EQ(encoder.grid(5, 14).size(), 0);
}

TEST(PatchEncoder, RefusesWhatHoldsNoPatch) {
  PatchEncoder encoder(tiny(), kPatch, 4);
  Random random = stream();
  try {
    encoder.forward(waves({1, 3, 5, 8}, 0.0), random);
    FAIL() << "expected an error";
  } catch (const c10::Error& error) {
    EXPECT_NE(error.msg().find("expected images of at least 6 x 6 pixels, got 5 x 8"),
              std::string::npos)
        << error.msg();
  }
  EXPECT_THROW(PatchEncoder(tiny(), 0, 1), c10::Error);
}

// A file of it must not be read as one of the encoder of patches.
TEST(PatchEncoder, IsARecipesOwn) {
  EXPECT_FALSE(is_own_encoder(*tiny()));
  EXPECT_TRUE(is_own_encoder(PatchEncoder(tiny(), kPatch, 3)));
}

}  // namespace
}  // namespace nearfar
