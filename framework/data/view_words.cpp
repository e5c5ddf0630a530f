// Words for views.
#include "framework/data/view_words.h"

#include "framework/log/quantities.h"

namespace nearfar {
namespace {

std::string crop_words(const Box& crop, Size image) {
  const double share = 100.0 * crop.height * crop.width / image.height / image.width;
  return "crop " + format_fixed(share, share < 9.95 ? 1 : 0) + "% " +
         format_fixed(static_cast<double>(crop.width) / crop.height, 2);
}

std::string jitter_words(const JitterStep& step) {
  switch (step.kind) {
    case Jitter::brightness:
      return "bri " + format_fixed(step.factor, 2);
    case Jitter::contrast:
      return "con " + format_fixed(step.factor, 2);
    case Jitter::saturation:
      return "sat " + format_fixed(step.factor, 2);
    default:
      return (step.factor < 0 ? "hue " : "hue +") + format_fixed(step.factor, 2);
  }
}

}  // namespace

std::vector<std::string> view_words(const View& view, Size image) {
  std::vector<std::string> words{crop_words(view.crop, image)};
  if (view.flip) words.emplace_back("flip");
  for (int i = 0; i < view.jitter_count; ++i) words.push_back(jitter_words(view.jitter[i]));
  if (view.grayscale) words.emplace_back("gray");
  if (view.blur_kernel > 0) words.push_back("blur " + format_fixed(view.blur_sigma, 2));
  if (view.solarize) {
    const bool usual = view.solarize_threshold == 0.5;
    words.push_back("solarize" + (usual ? "" : " " + format_fixed(view.solarize_threshold, 2)));
  }
  return words;
}

const char* view_words_legend() {
  return "In the order applied. crop: share of the image's area, width / height. bri, con, sat: "
         "factors. hue: shift in turns. blur: sigma in pixels.";
}

}  // namespace nearfar
