// What the renderer refuses, before it writes anything.
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "augment/render.h"

namespace nearfar {
namespace {

struct Refusal {
  const char* name;
  const char* message;
  void (*spoil)(Image&, View&, RenderTarget&);
};

void PrintTo(const Refusal& refusal, std::ostream* out) { *out << refusal.name; }

class RenderRefuses : public testing::TestWithParam<Refusal> {};

TEST_P(RenderRefuses, BeforeWritingAnything) {
  const std::vector<uint8_t> levels(10 * 8 * 3);
  Image image{levels.data(), 10, 8, 3, 5, 6, 30, 30};
  View view;
  view.crop = {5, 6, 10, 8};
  RenderTarget target{{4, 4}, Interpolation::bilinear, {}};
  std::vector<float> out(4 * 4 * 3, -7.0f);
  RenderScratch scratch;
  ASSERT_NO_THROW(render_view(image, view, target, scratch, out.data()));
  out.assign(out.size(), -7.0f);
  GetParam().spoil(image, view, target);
  const auto expect_message = [&](auto call) {
    try {
      call();
      ADD_FAILURE() << "accepted";
    } catch (const std::invalid_argument& error) {
      EXPECT_NE(std::string(error.what()).find(GetParam().message), std::string::npos)
          << error.what();
    }
  };
  expect_message([&] { render_view(image, view, target, scratch, out.data()); });
  expect_message([&] { render({&image, 1}, {&view, 1}, target, 2, out.data()); });
  EXPECT_EQ(out, std::vector<float>(out.size(), -7.0f));
}

const double kNan = std::numeric_limits<double>::quiet_NaN();

const Refusal kRefusals[] = {
    {"crop_above_window", "inside the decoded window",
     [](Image&, View& view, RenderTarget&) { view.crop.top = 4; }},
    {"crop_left_of_window", "inside the decoded window",
     [](Image&, View& view, RenderTarget&) { view.crop.left = 5; }},
    {"crop_below_window", "inside the decoded window",
     [](Image&, View& view, RenderTarget&) { ++view.crop.height; }},
    {"crop_right_of_window", "inside the decoded window",
     [](Image&, View& view, RenderTarget&) { ++view.crop.width; }},
    {"empty_crop", "inside the decoded window",
     [](Image&, View& view, RenderTarget&) { view.crop.width = 0; }},
    {"endless_crop", "inside the decoded window",
     [](Image&, View& view, RenderTarget&) { view.crop.height = 2147483647; }},
    {"two_channels", "1 or 3 channels",
     [](Image& image, View&, RenderTarget&) { image.channels = 2; }},
    {"empty_size", "at least 1 x 1",
     [](Image&, View&, RenderTarget& target) { target.size.width = 0; }},
    {"zero_std", "std above 0",
     [](Image&, View&, RenderTarget& target) { target.normalize.std[1] = 0; }},
    {"even_kernel", "odd blur kernel",
     [](Image&, View& view, RenderTarget&) { view.blur_kernel = 4; }},
    {"negative_kernel", "odd blur kernel",
     [](Image&, View& view, RenderTarget&) { view.blur_kernel = -3; }},
    {"wide_kernel", "below twice the size",
     [](Image&, View& view, RenderTarget&) {
       view.blur_kernel = 9;
       view.blur_sigma = 1;
     }},
    {"zero_sigma", "sigma above 0",
     [](Image&, View& view, RenderTarget&) { view.blur_kernel = 3; }},
    {"five_steps", "0 to 4 jitter steps",
     [](Image&, View& view, RenderTarget&) { view.jitter_count = 5; }},
    {"far_hue", "hue shift",
     [](Image&, View& view, RenderTarget&) {
       view.jitter_count = 1;
       view.jitter[0] = {Jitter::hue, 0.6};
     }},
    {"tiny_std", "std of at least",
     [](Image&, View&, RenderTarget& target) { target.normalize.std[2] = 1e-40f; }},
    {"endless_factor", "jitter factor",
     [](Image&, View& view, RenderTarget&) {
       view.jitter_count = 1;
       view.jitter[0] = {Jitter::brightness, 1e300};
     }},
    {"nan_factor", "jitter factor",
     [](Image&, View& view, RenderTarget&) {
       view.jitter_count = 1;
       view.jitter[0] = {Jitter::contrast, kNan};
     }},
};

INSTANTIATE_TEST_SUITE_P(Each, RenderRefuses, testing::ValuesIn(kRefusals));

TEST(Render, NamesTheViewThatIsWrong) {
  const std::vector<uint8_t> levels(4 * 4 * 3);
  std::vector<Image> images(3, whole_image(levels.data(), 4, 4, 3));
  std::vector<View> views(3);
  for (View& view : views) view.crop = {0, 0, 4, 4};
  const RenderTarget target{{2, 2}, Interpolation::bilinear, {}};
  std::vector<float> out(3 * 12);
  const auto message = [&](int threads) {
    try {
      render(images, views, target, threads, out.data());
    } catch (const std::invalid_argument& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(message(2), "");
  EXPECT_EQ(message(0), "render: expected at least 1 thread, got 0");
  images[2].channels = 1;
  EXPECT_EQ(message(2), "render: view 2: expected 3 channels as in view 0, got 1");
  views[1].crop.top = 1;
  EXPECT_EQ(message(2),
            "render: view 1: expected a crop inside the decoded window [top 0, left 0, 4 x 4], got "
            "[top 1, left 0, 4 x 4]");
  views.pop_back();
  EXPECT_EQ(message(2), "render: expected as many images as views, got 3 and 2");
}

}  // namespace
}  // namespace nearfar
