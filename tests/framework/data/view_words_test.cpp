// Views in words.
#include "framework/data/view_words.h"

#include <gtest/gtest.h>

namespace nearfar {
namespace {

using Words = std::vector<std::string>;

TEST(ViewWords, SayEveryChoiceInItsOrder) {
  View view;
  view.crop = {10, 20, 60, 72};
  view.flip = true;
  view.jitter = {{{Jitter::saturation, 1.3249},
                  {Jitter::hue, -0.081},
                  {Jitter::contrast, 0.7},
                  {Jitter::brightness, 1.1}}};
  view.jitter_count = 4;
  view.grayscale = true;
  view.blur_kernel = 23;
  view.blur_sigma = 1.31;
  view.solarize = true;
  EXPECT_EQ(view_words(view, {100, 100}),
            (Words{"crop 43% 1.20", "flip", "sat 1.32", "hue -0.08", "con 0.70", "bri 1.10", "gray",
                   "blur 1.31", "solarize"}));
}

TEST(ViewWords, LeaveOutWhatIsNotApplied) {
  View view;
  view.crop = {0, 0, 28, 28};
  view.jitter[0] = {Jitter::hue, 0.1};  // jitter_count is 0: not applied
  view.solarize_threshold = 0.3;
  EXPECT_EQ(view_words(view, {28, 28}), Words{"crop 100% 1.00"});
  view.jitter_count = 1;
  view.solarize = true;
  EXPECT_EQ(view_words(view, {28, 28}), (Words{"crop 100% 1.00", "hue +0.10", "solarize 0.30"}));
}

TEST(ViewWords, SmallSharesHaveADecimal) {
  View view;
  view.crop = {0, 0, 100, 80};
  EXPECT_EQ(view_words(view, {300, 400}), Words{"crop 6.7% 0.80"});
  view.crop = {0, 0, 40000, 60000};  // products beyond 32 bits
  EXPECT_EQ(view_words(view, {60000, 60000}), Words{"crop 67% 1.50"});
}

}  // namespace
}  // namespace nearfar
