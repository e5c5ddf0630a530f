// How views are drawn: the distribution of crops, flips, colours, blur and solarisation.
#pragma once

#include <cstdint>
#include <string>

#include "augment/random.h"
#include "augment/view.h"

namespace nearfar {

/// The distribution of one view. Defaults are SimCLR's for ImageNet (Chen et al. 2020, appendix A).
struct ViewPolicy {
  int64_t size = 224;             // output height and width in pixels
  double crop_min = 0.08;         // smallest share of the image's area
  double crop_max = 1.0;          // largest share
  double aspect_min = 3.0 / 4.0;  // width / height, drawn log-uniformly
  double aspect_max = 4.0 / 3.0;
  double flip = 0.5;  // probabilities below, too
  double jitter = 0.8;
  double brightness = 0.8;  // factors from [max(0, 1 - b), 1 + b]
  double contrast = 0.8;
  double saturation = 0.8;
  double hue = 0.2;  // shifts from [-hue, hue], in turns
  double grayscale = 0.2;
  double blur = 0.5;
  double blur_sigma_min = 0.1;
  double blur_sigma_max = 2.0;
  int64_t blur_kernel = 0;  // taps, odd; 0: a tenth of the size, made odd (SimCLR)
  double solarize = 0.0;
  double solarize_threshold = 0.5;
  std::string interpolation = "bilinear";

  void describe(auto& field) {
    field("size", size, 1, 4096, "height and width of a view in pixels");
    field("crop_min", crop_min, 1e-4, 1.0, "smallest share of the image's area that a crop covers");
    field("crop_max", crop_max, 1e-4, 1.0, "largest share of the image's area that a crop covers");
    field("aspect_min", aspect_min, 0.01, 100.0, "smallest width / height of a crop");
    field("aspect_max", aspect_max, 0.01, 100.0, "largest width / height of a crop");
    field("flip", flip, 0.0, 1.0, "probability of a horizontal flip");
    field("jitter", jitter, 0.0, 1.0, "probability of colour jitter");
    field("brightness", brightness, 0.0, 10.0, "brightness factors come from [1 - b, 1 + b]");
    field("contrast", contrast, 0.0, 10.0, "contrast factors come from [1 - c, 1 + c]");
    field("saturation", saturation, 0.0, 10.0, "saturation factors come from [1 - s, 1 + s]");
    field("hue", hue, 0.0, 0.5, "hue shifts come from [-h, h], in turns");
    field("grayscale", grayscale, 0.0, 1.0, "probability of dropping the colour");
    field("blur", blur, 0.0, 1.0, "probability of a Gaussian blur");
    field("blur_sigma_min", blur_sigma_min, 0.01, 100.0, "smallest sigma of the blur, in pixels");
    field("blur_sigma_max", blur_sigma_max, 0.01, 100.0, "largest sigma of the blur, in pixels");
    field("blur_kernel", blur_kernel, 0, 255, "taps of the blur, odd; 0: a tenth of the size");
    field("solarize", solarize, 0.0, 1.0, "probability of solarisation");
    field("solarize_threshold", solarize_threshold, 0.0, 1.0, "values from here on are inverted");
    field("interpolation", interpolation, {"bilinear", "bicubic"}, "filter of the resize");
  }
};

/// Taps of the policy's blur: blur_kernel, or for 0 a tenth of the size made odd, at least 3.
int64_t blur_taps(const ViewPolicy& policy);

/// What the ranges of the single fields cannot say: the first contradiction between fields as
/// "field: what is wrong", or an empty string.
std::string policy_error(const ViewPolicy& policy);

/// A crop box of RandomResizedCrop: ten tries of area and aspect, then the centre fallback
/// (torchvision RandomResizedCrop.make_params). Precondition: height, width > 0.
Box draw_crop(const ViewPolicy& policy, int height, int width, Random& random);

/// All choices of one view of a height x width image. Draws the same amount of randomness whatever
/// the outcomes, so that changing one probability does not change the other choices.
View draw(const ViewPolicy& policy, int height, int width, Random& random);

}  // namespace nearfar
