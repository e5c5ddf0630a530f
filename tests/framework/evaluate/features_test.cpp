// Feature extraction on data and an encoder whose answer is known.
#include "framework/evaluate/features.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <optional>
#include <string>
#include <vector>

namespace nearfar {
namespace {

/// Square gray images in memory; pixel p of image i is (37 i + p) mod 256.
class Pictures : public Dataset {
 public:
  Pictures(int64_t size, int side) : side_(side) {
    info_.name = "pictures";
    info_.path = "memory";
    info_.size = size;
    info_.channels = 1;
    info_.height = info_.width = side;
    for (int64_t i = 0; i < size; ++i) {
      std::vector<uint8_t> image(side * side);
      for (size_t p = 0; p < image.size(); ++p) image[p] = static_cast<uint8_t>(37 * i + p);
      images_.push_back(image);
    }
  }
  const DatasetInfo& info() const override { return info_; }
  int64_t label(int64_t index) const override { return index % 3; }
  std::string place(int64_t index) const override {
    return "memory[" + std::to_string(index) + "]";
  }
  Image read(int64_t index, PixelBuffer&) const override {
    for (const int64_t bad : bad_) {
      if (bad == index) throw BadImage(place(index) + ": broken");
    }
    return whole_image(images_[index].data(), side_, side_, 1);
  }
  DatasetInfo info_;
  std::vector<int64_t> bad_;
  std::vector<std::vector<uint8_t>> images_;

 private:
  int side_;
};

/// [mean, first pixel, whether training] of each image; holds a part that is frozen in evaluation
/// mode.
class Looker : public Encoder {
 public:
  Looker() {
    active_ = register_module("active", std::make_shared<Part>());
    frozen_ = register_module("frozen", std::make_shared<Part>());
    frozen_->eval();
  }
  at::Tensor forward(const at::Tensor& images, Random&) override {
    if (poison_) return at::full({images.size(0), 3}, *poison_);
    EXPECT_TRUE(images.is_contiguous(at::MemoryFormat::ChannelsLast));
    EXPECT_FALSE(at::GradMode::is_enabled());
    const at::Tensor mode = at::full({images.size(0)}, is_training() || active_->is_training());
    return at::stack({images.mean({1, 2, 3}), images.select(1, 0).select(1, 0).select(1, 0), mode},
                     1);
  }
  int64_t width() const override { return 3; }
  struct Part : torch::nn::Module {};
  std::shared_ptr<Part> active_;
  std::shared_ptr<Part> frozen_;
  std::optional<double> poison_;
};

TEST(ExtractFeatures, SeesEveryImageOnceInOrder) {
  const Pictures pictures(23, 8);
  Looker encoder;
  FeatureOptions options;
  options.normalize = {{0.5f, 0, 0}, {0.25f, 1, 1}};
  options.batch = 5;
  options.workers = 3;
  const Features found = extract_features(encoder, pictures, options);
  ASSERT_EQ(found.features.sizes(), (std::vector<int64_t>{23, 3}));
  for (int64_t i = 0; i < 23; ++i) {
    double mean = 0.0;
    for (const uint8_t pixel : pictures.images_[i]) mean += pixel / 255.0 / 64.0;
    // Float32 sums of 64 values of order 1: a few 1e-7 each, divided by 64.
    EXPECT_NEAR(found.features[i][0].item<double>(), (mean - 0.5) / 0.25, 1e-5);
    EXPECT_NEAR(found.features[i][1].item<double>(), (pictures.images_[i][0] / 255.0 - 0.5) / 0.25,
                1e-6);
    EXPECT_EQ(found.features[i][2].item<double>(), 0.0) << "not in evaluation mode";
    EXPECT_EQ(found.label[i].item<int64_t>(), i % 3);
    EXPECT_EQ(found.places[i], pictures.place(i));
  }
}

TEST(ExtractFeatures, DoesNotDependOnTheNumberOfWorkers) {
  const Pictures pictures(31, 8);
  Looker encoder;
  FeatureOptions options;
  options.batch = 7;
  const Features one = extract_features(encoder, pictures, options);
  options.workers = 4;
  EXPECT_TRUE(at::equal(one.features, extract_features(encoder, pictures, options).features));
}

TEST(ExtractFeatures, GivesEveryModuleItsModeBack) {
  Pictures pictures(9, 8);
  Looker encoder;
  encoder.train();
  encoder.frozen_->eval();
  extract_features(encoder, pictures, {});
  EXPECT_TRUE(encoder.is_training());
  EXPECT_TRUE(encoder.active_->is_training());
  EXPECT_FALSE(encoder.frozen_->is_training());
  pictures.bad_ = {4};
  EXPECT_THROW(extract_features(encoder, pictures, {}), BadImage);
  EXPECT_TRUE(encoder.active_->is_training());
  EXPECT_FALSE(encoder.frozen_->is_training());
}

TEST(ExtractFeatures, NamesTheFirstBadImage) {
  Pictures pictures(40, 8);
  pictures.bad_ = {33, 17, 12};
  Looker encoder;
  FeatureOptions options;
  options.batch = 20;
  options.workers = 4;
  for (int repeat = 0; repeat < 20; ++repeat) {
    try {
      extract_features(encoder, pictures, options);
      FAIL() << "expected BadImage";
    } catch (const BadImage& error) {
      ASSERT_STREQ(error.what(), "memory[12]: broken");
    }
  }
}

TEST(ExtractFeatures, LeavesBadImagesOutWhereAsked) {
  Pictures pictures(23, 8);
  Looker encoder;
  FeatureOptions options;
  options.batch = 5;
  options.workers = 3;
  const Features all = extract_features(encoder, pictures, options);
  pictures.bad_ = {17, 0, 4, 22};
  options.leave_out_bad_images = true;
  const Features found = extract_features(encoder, pictures, options);
  ASSERT_EQ(found.positions.size(), 19u);
  const at::Tensor kept = at::tensor(found.positions, at::kLong);
  EXPECT_TRUE(at::equal(found.features, all.features.index_select(0, kept)));
  EXPECT_TRUE(at::equal(found.label, all.label.index_select(0, kept)));
  for (size_t i = 0; i < 19; ++i) EXPECT_EQ(found.places[i], all.places[found.positions[i]]);
  EXPECT_EQ(found.bad, (BadImages{{0, "memory[0]: broken"},
                                  {4, "memory[4]: broken"},
                                  {17, "memory[17]: broken"},
                                  {22, "memory[22]: broken"}}));
  Pictures broken(2, 8);
  broken.bad_ = {0, 1};
  EXPECT_THROW(extract_features(encoder, broken, options), DataError);
}

TEST(ExtractFeatures, RefusesValuesThatAreNotFinite) {
  const Pictures pictures(3, 8);
  Looker encoder;
  // The squares of 1e20 are not finite, and every method takes lengths.
  for (const double poison : {static_cast<double>(NAN), HUGE_VAL, 1e20}) {
    encoder.poison_ = poison;
    try {
      extract_features(encoder, pictures, {});
      FAIL() << "expected DataError for " << poison;
    } catch (const DataError& error) {
      EXPECT_STREQ(error.what(),
                   "memory[0]: expected finite features, the encoder gave NaN, infinity or a "
                   "length above 1e15");
    }
  }
  encoder.poison_ = 1e14;
  EXPECT_NO_THROW(extract_features(encoder, pictures, {}));
  EXPECT_THROW(extract_features(encoder, Pictures(0, 8), {}), DataError);
}

TEST(EvaluationCrop, IsTorchvisionsCentre) {
  const auto expect_box = [](const Box& box, int top, int left, int height, int width) {
    EXPECT_EQ(box.top, top);
    EXPECT_EQ(box.left, left);
    EXPECT_EQ(box.height, height);
    EXPECT_EQ(box.width, width);
  };
  expect_box(evaluation_crop(28, 28), 0, 0, 28, 28);
  expect_box(evaluation_crop(64, 64), 0, 0, 64, 64);
  // Resize(256) of 512 x 768 gives 256 x 384; CenterCrop(224) starts at (16, 80): twice that.
  expect_box(evaluation_crop(512, 768), 32, 160, 448, 448);
  expect_box(evaluation_crop(375, 256), 75, 16, 224, 224);
  expect_box(evaluation_crop(1, 5), 0, 2, 1, 1);
}

TEST(EvaluationSize, IsTheSetsOwnWhereItHasOne) {
  DatasetInfo info;
  EXPECT_EQ(evaluation_size(info, 0), 224);
  EXPECT_EQ(evaluation_size(info, 96), 96);
  info.height = 32;
  info.width = 40;
  EXPECT_EQ(evaluation_size(info, 0), 32);
}

TEST(RawPixels, AreThePixelsInZeroToOne) {
  const Pictures pictures(11, 8);
  const Features found = raw_pixels(pictures, 32, 2);
  ASSERT_EQ(found.features.sizes(), (std::vector<int64_t>{11, 64}));
  for (int64_t i = 0; i < 11; ++i) {
    for (int64_t p = 0; p < 64; ++p) {
      ASSERT_NEAR(found.features[i][p].item<double>(), pictures.images_[i][p] / 255.0, 1e-7);
    }
  }
  EXPECT_EQ(raw_pixels(Pictures(2, 40), 32).features.size(1), 32 * 32);
}

}  // namespace
}  // namespace nearfar
