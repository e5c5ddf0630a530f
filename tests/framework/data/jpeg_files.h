// JPEG files of every build that cameras and web sites make, and libjpeg's plain reading of them.
#pragma once

#include <array>
#include <ostream>
#include <string>
#include <vector>

#include "augment/view.h"
#include "tests/framework/data/picture_files.h"

namespace nearfar {

/// How a JPEG file is built.
struct JpegForm {
  std::string name;
  int channels = 3;                           // 1: gray, 3: RGB, 4: CMYK
  std::array<std::array<int, 2>, 4> factors;  // horizontal and vertical sampling of the components
  bool stored_as_rgb = false;                 // instead of YCbCr
  bool stored_as_ycck = false;                // instead of CMYK
  bool progressive = false;
  bool without_details = false;  // a progressive file that ends after its first scan
  bool one_scan_a_component = false;
  bool arithmetic = false;
  int restart_interval = 0;  // in MCUs
};

inline void PrintTo(const JpegForm& form, std::ostream* stream) { *stream << form.name; }

/// Sampling ratios, colour spaces, scans, restart markers.
const std::vector<JpegForm>& jpeg_forms();
const JpegForm& jpeg_form(const std::string& name);

/// Noise over a slope: no two neighbouring pixels or blocks are alike.
Picture noisy_picture(int height, int width, int channels, int seed = 0);

/// Quality 92.
Bytes encode_jpeg_as(const JpegForm& form, const Picture& picture);

/// RGB pixels by libjpeg's textbook loop over all rows. Not for CMYK.
Picture decode_plainly(const Bytes& jpeg);

/// The pixels of a window [box.height, box.width, channels].
Bytes part_of(const Picture& picture, const Box& box);

}  // namespace nearfar
