// Encoders by name: the names of the config, stems by image size, errors.
#include "framework/encoders/make_encoder.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "framework/config/fields.h"
#include "framework/error.h"
#include "tests/framework/encoders/module_tensors.h"

namespace nearfar {
namespace {

/// Remembers the choices of text keys.
class ChoicesOf : public Fields {
 public:
  std::map<std::string, std::vector<std::string>> choices;

 protected:
  void real(const char*, double&, double, double, const char*) override {}
  void integer(const char*, int64_t&, int64_t, int64_t, const char*) override {}
  void boolean(const char*, bool&, const char*) override {}
  void text(const char* name, std::string&, std::vector<std::string> allowed,
            const char*) override {
    choices[name] = allowed;
  }
  void reals(const char*, std::vector<double>&, double, double, const char*) override {}
  void integers(const char*, std::vector<int64_t>&, int64_t, int64_t, const char*) override {}
  void texts(const char*, std::vector<std::string>&, const char*) override {}
  void begin_group(const char*, const char*) override {}
  void end_group() override {}
};

TEST(MakeEncoder, TheConfigOffersWhatExists) {
  EncoderConfig config;
  ChoicesOf fields;
  config.describe(fields);
  EXPECT_EQ(fields.choices.at("name"), encoder_names());
}

std::vector<int64_t> stem_shape(const std::string& name, const std::string& stem, int64_t size) {
  EncoderConfig config;
  config.name = name;
  config.stem = stem;
  return parameter(*make_encoder(config, 1, size, {}), "conv1.weight").sizes().vec();
}

TEST(MakeEncoder, AutoChoosesTheStemByTheSizeOfTheViews) {
  using Shape = std::vector<int64_t>;
  EXPECT_EQ(stem_shape("resnet18", "auto", 64), (Shape{64, 1, 3, 3}));
  EXPECT_EQ(stem_shape("resnet18", "auto", 65), (Shape{64, 1, 7, 7}));
  EXPECT_EQ(stem_shape("resnet18", "imagenet", 32), (Shape{64, 1, 7, 7}));
  EXPECT_EQ(stem_shape("resnet18", "cifar", 224), (Shape{64, 1, 3, 3}));
  EXPECT_EQ(stem_shape("tiny", "auto", 224), (Shape{24, 1, 3, 3}));
}

TEST(MakeEncoder, TheWidthOfTinyIsSet) {
  EncoderConfig config;
  config.name = "tiny";
  config.width = 24;
  const auto encoder = make_encoder(config, 1, 28, {});
  EXPECT_EQ(encoder->width(), 8 * 24);
  encoder->eval();
  Random random(0, 0, 0, Purpose::recipe);
  EXPECT_EQ(encoder->forward(at::zeros({2, 1, 28, 28}), random).sizes(),
            (std::vector<int64_t>{2, 192}));
}

TEST(MakeEncoder, NormsFollowThePlan) {
  // Eight images through groups of four: equal to two batches of four.
  const auto features = [](int64_t norm_batch, const at::Tensor& images) {
    at::manual_seed(6);
    EncoderConfig config;
    config.name = "tiny";
    const auto encoder = make_encoder(config, 1, 16, NormPlan{norm_batch, nullptr, nullptr});
    to_double(*encoder);
    Random random(0, 0, 0, Purpose::recipe);
    return encoder->forward(images, random);
  };
  const at::Tensor images = waves({8, 1, 16, 16}, 0.0);
  const at::Tensor expected =
      at::cat({features(0, images.narrow(0, 0, 4)), features(0, images.narrow(0, 4, 4))});
  // float64 through nine convolutions; convolution kernels may depend on the batch size.
  EXPECT_LT(worst_difference(features(4, images), expected), 1e-10);
  EXPECT_GT(worst_difference(features(0, images), expected), 1e-3);
}

TEST(MakeEncoder, RefusesUnknownNames) {
  EncoderConfig config;
  config.name = "resnet19";
  try {
    make_encoder(config, 3, 224, {});
    FAIL() << "expected ConfigError";
  } catch (const ConfigError& error) {
    const std::string what = error.what();
    EXPECT_NE(what.find("encoder.name"), std::string::npos);
    EXPECT_NE(what.find("resnet18"), std::string::npos);
    EXPECT_NE(what.find("\"resnet19\""), std::string::npos);
  }
  config.name = "resnet18";
  config.stem = "large";
  EXPECT_THROW(make_encoder(config, 3, 224, {}), ConfigError);
}

}  // namespace
}  // namespace nearfar
