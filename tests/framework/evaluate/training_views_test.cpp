// A probe's training views: every image once an epoch, drawn and rendered as asked for, through an
// encoder that stays as it was.
#include "framework/evaluate/training_views.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "framework/data/loader.h"
#include "framework/error.h"
#include "framework/evaluate/frozen.h"
#include "tests/framework/data/made_dataset.h"

namespace nearfar {
namespace {

/// The pixels of an image as its features; a buffer that forward may change.
class Flatten final : public Encoder {
 public:
  explicit Flatten(int64_t width) : width_(width) {
    seen_ = register_buffer("seen", at::zeros({}, at::kLong));
    weight_ = register_parameter("weight", at::full({1}, NAN));
  }
  at::Tensor forward(const at::Tensor& images, Random&) override {
    EXPECT_FALSE(is_training());
    EXPECT_FALSE(at::GradMode::is_enabled());
    if (counts_) seen_.add_(images.size(0));
    return images.permute({0, 2, 3, 1}).reshape({images.size(0), -1}).clone();
  }
  int64_t width() const override { return width_; }
  bool counts_ = false;

 private:
  int64_t width_;
  at::Tensor seen_, weight_;
};

struct Seen {
  std::vector<at::Tensor> features, rows;
};

Seen run(const TrainingViews& views, const at::Tensor& positions, const PassPlan& plan) {
  Seen seen;
  views(positions, plan, [&](const at::Tensor& features, const at::Tensor& row) {
    seen.features.push_back(features);
    seen.rows.push_back(row);
  });
  return seen;
}

const at::Tensor kPositions = at::tensor({11, 3, 8, 5, 0, 9, 2}, at::kLong);

std::shared_ptr<const Dataset> made(std::set<int64_t> bad = {}) {
  return std::make_shared<MadeDataset>(12, 3, 9, 9, 4, std::move(bad));
}

FeatureOptions options_of(int workers = 1) {
  FeatureOptions options;
  options.image_size = 6;
  options.normalize = {{0.5f, 0.4f, 0.3f}, {0.25f, 0.5f, 1.0f}};
  options.workers = workers;
  return options;
}

TEST(FixedFeatures, AreGivenOnceAnEpochInItsOrder) {
  const at::Tensor features = at::arange(24, at::kDouble).view({12, 2});
  const Seen seen = run(fixed_features(features), kPositions, {3, 2, 9});
  ASSERT_EQ(seen.rows.size(), 6u);
  for (int64_t epoch = 0; epoch < 2; ++epoch) {
    const at::Tensor order = at::tensor(epoch_order(9, epoch, 7), at::kLong);
    for (int64_t step = 0; step < 3; ++step) {
      const int64_t count = step == 2 ? 1 : 3;
      const at::Tensor row = order.narrow(0, 3 * step, count);
      EXPECT_TRUE(at::equal(seen.rows[3 * epoch + step], row));
      EXPECT_TRUE(at::equal(seen.features[3 * epoch + step],
                            features.index_select(0, kPositions.index_select(0, row))));
    }
  }
}

// Against the public parts of views: draw() from the documented stream and render_view().
TEST(EncodedViews, AreTheDrawnCropsOfEachImage) {
  const auto data = made();
  const auto encoder = std::make_shared<Flatten>(6 * 6 * 3);
  encoder->train();
  Log log;
  const ProbeViews policy{0.3, 0.9, 0.5};
  const Seen seen =
      run(encoded_views(encoder, data, policy, options_of(), log), kPositions, {4, 2, 5});
  ASSERT_EQ(seen.rows.size(), 4u);
  EXPECT_TRUE(encoder->is_training());
  ViewPolicy expected;
  expected.size = 6;
  expected.crop_min = 0.3;
  expected.crop_max = 0.9;
  expected.jitter = expected.grayscale = expected.blur = expected.solarize = 0.0;
  RenderTarget target;
  target.size = {6, 6};
  target.normalize = options_of().normalize;
  RenderScratch scratch;
  PixelBuffer storage;
  for (size_t step = 0; step < 4; ++step) {
    for (int64_t i = 0; i < seen.rows[step].size(0); ++i) {
      const int64_t row = seen.rows[step][i].item<int64_t>();
      Random random(5, step / 2, static_cast<uint64_t>(row), Purpose::view, 0);
      const Image image = data->read(kPositions[row].item<int64_t>(), storage);
      at::Tensor pixels = at::empty({6 * 6 * 3}, at::kFloat);
      render_view(image, draw(expected, 9, 9, random), target, scratch, pixels.data_ptr<float>());
      EXPECT_TRUE(at::equal(seen.features[step][i], pixels)) << step << " " << i;
    }
  }
}

TEST(EncodedViews, DoNotDependOnTheNumberOfWorkers) {
  const auto encoder = std::make_shared<Flatten>(6 * 6 * 3);
  Log log;
  const Seen one =
      run(encoded_views(encoder, made(), {}, options_of(1), log), kPositions, {3, 3, 1});
  const Seen four =
      run(encoded_views(encoder, made(), {}, options_of(4), log), kPositions, {3, 3, 1});
  EXPECT_TRUE(at::equal(at::cat(one.features), at::cat(four.features)));
  EXPECT_TRUE(at::equal(at::cat(one.rows), at::cat(four.rows)));
}

TEST(EncodedViews, CatchAnEncoderThatChanges) {
  const auto encoder = std::make_shared<Flatten>(6 * 6 * 3);
  encoder->counts_ = true;
  Log log;
  const TrainingViews views = encoded_views(encoder, made(), {}, options_of(), log);
  try {
    run(views, kPositions, {3, 1, 1});
    FAIL() << "expected an error";
  } catch (const c10::Error& error) {
    EXPECT_NE(std::string(error.what()).find("expected seen as it was before the probe"),
              std::string::npos)
        << error.what();
  }
}

TEST(EncodedViews, SayWhatCannotBeRead) {
  const auto encoder = std::make_shared<Flatten>(6 * 6 * 3);
  Log log;
  EXPECT_THROW(run(encoded_views(encoder, made({8}), {}, options_of(), log), kPositions, {3, 1, 1}),
               BadImage);
  ProbeViews backwards;
  backwards.crop_min = 0.9;
  backwards.crop_max = 0.5;
  EXPECT_THROW(encoded_views(encoder, made(), backwards, options_of(), log), ConfigError);
}

// A square image has one crop of its whole area.
TEST(PixelViews, OfWholeImagesAreTheRawPixels) {
  const auto data = made();
  Log log;
  const Seen seen = run(pixel_views(data, {1.0, 1.0, 0.0}, 32, 1, log), kPositions, {3, 1, 2});
  const at::Tensor raw = raw_pixels(*data, 32).features.index_select(0, kPositions);
  EXPECT_TRUE(at::equal(at::cat(seen.features), raw.index_select(0, at::cat(seen.rows))));
}

TEST(FrozenCheck, SeesASingleBitAndKnowsNaN) {
  Flatten encoder(3);
  const FrozenCheck check(encoder);
  check.verify(encoder);  // its weight is NaN, which does not equal itself
  const at::NoGradGuard no_grad;
  encoder.named_buffers()["seen"].fill_(1);
  EXPECT_THROW(check.verify(encoder), c10::Error);
}

}  // namespace
}  // namespace nearfar
