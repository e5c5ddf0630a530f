// Decoding of every format, sample depth and orientation against pictures known by formula.
#include "framework/data/decode.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "framework/data/image_header.h"
#include "tests/framework/data/folder_tests.h"
#include "tests/framework/data/picture_files.h"

namespace nearfar {
namespace {

constexpr int64_t kMaxPixels = 1 << 20;

/// Largest difference to the expected RGB picture, 999 when sizes differ.
int worst_difference(const Image& image, const Picture& expected) {
  if (image.height != expected.height || image.width != expected.width || image.channels != 3) {
    return 999;
  }
  int worst = 0;
  for (size_t i = 0; i < expected.pixels.size(); ++i) {
    worst = std::max(worst, std::abs(image.pixels[i] - expected.pixels[i]));
  }
  return worst;
}

int decode_difference(Bytes file, const Picture& expected) {
  PixelBuffer storage;
  return worst_difference(decode_image(file, kMaxPixels, storage), expected);
}

Picture gray_to_rgb(const Picture& gray) {
  return make_picture(gray.height, gray.width, 3,
                      [&](int y, int x, int) { return gray.at(y, x, 0); });
}

Picture sample_gray() {
  return make_picture(21, 34, 1, [](int y, int x, int) { return 5 + 7 * y + 3 * x; });
}

Picture sample_rgba() {
  return make_picture(12, 17, 4, [](int y, int x, int c) {
    return c == 3 ? 255 * x / 16 : 10 + 14 * y + 5 * x * c;
  });
}

/// PNG specification, section 13.16, over white, in double.
Picture over_white(const Picture& rgba) {
  return make_picture(rgba.height, rgba.width, 3, [&](int y, int x, int c) {
    const double alpha = rgba.at(y, x, 3) / 255.0;
    return static_cast<int>(alpha * rgba.at(y, x, c) + (1.0 - alpha) * 255.0 + 0.5);
  });
}

// Quality 100 rounds DCT coefficients to integers, and the colour conversion rounds twice: errors
// of up to 3 were seen for smooth pictures; a swapped channel differs by 50 and more.
TEST(DecodeJpeg, IsThePictureWithinItsLoss) {
  const Picture picture = sample_picture(37, 53);
  EXPECT_LE(decode_difference(encode_jpeg(picture), picture), 4);
}

TEST(DecodeJpeg, GrayIsReplicated) {
  const Picture gray = sample_gray();
  EXPECT_LE(decode_difference(encode_jpeg(gray), gray_to_rgb(gray)), 2);
}

// 16 x 16 blocks of one colour: the DCT is exact up to 1 in a channel, which products scale down.
TEST(DecodeJpeg, CmykFollowsItsFormula) {
  const auto ink = [](int y, int x, int c) {
    return (17 + 83 * (y / 16) + 61 * (x / 16) + 47 * c) % 256;
  };
  const Picture cmyk = make_picture(48, 64, 4, ink);
  const auto expected = [&](bool inverted) {
    return make_picture(48, 64, 3, [&](int y, int x, int c) {
      const double color = inverted ? ink(y, x, c) : 255 - ink(y, x, c);
      const double black = inverted ? ink(y, x, 3) : 255 - ink(y, x, 3);
      return static_cast<int>(color * black / 255.0 + 0.5);
    });
  };
  EXPECT_LE(decode_difference(encode_jpeg(cmyk, true), expected(true)), 3);
  EXPECT_LE(decode_difference(encode_jpeg(cmyk, false), expected(false)), 3);
}

class Lossless : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Formats, Lossless, testing::Values(".png", ".webp", ".bmp", ".tiff"));

TEST_P(Lossless, RgbIsExact) {
  const Picture picture = sample_picture(37, 53);
  EXPECT_EQ(decode_difference(encode_through_opencv(GetParam(), picture), picture), 0);
}

TEST_P(Lossless, GrayIsReplicated) {
  if (GetParam() == ".webp") return;  // has no gray
  const Picture gray = sample_gray();
  EXPECT_EQ(decode_difference(encode_through_opencv(GetParam(), gray), gray_to_rgb(gray)), 0);
}

// The reference rounds in double, the decoder in integers: a difference of 1 is a tie.
TEST(DecodeAlpha, IsCompositedOverWhite) {
  const Picture rgba = sample_rgba();
  EXPECT_LE(decode_difference(encode_through_opencv(".png", rgba), over_white(rgba)), 1);
  // Transparent pixels lose their colour in WebP, which white covers all the same.
  EXPECT_LE(decode_difference(encode_through_opencv(".webp", rgba), over_white(rgba)), 1);
}

TEST(DecodeAlpha, OfTiffIsPremultiplied) {
  // TIFF 6.0, ExtraSamples 1 (associated): colours are at most alpha.
  const Picture rgba = make_picture(
      12, 17, 4, [](int y, int x, int c) { return c == 3 ? 15 * x : 15 * x * (y + c) / 16; });
  const Picture expected = make_picture(
      12, 17, 3, [&](int y, int x, int c) { return rgba.at(y, x, c) + 255 - rgba.at(y, x, 3); });
  EXPECT_LE(decode_difference(encode_through_opencv(".tiff", rgba), expected), 1);
}

TEST(DecodeAlpha, OfBmpIsIgnored) {
  const Picture rgba = sample_rgba();
  const Picture expected = make_picture(rgba.height, rgba.width, 3,
                                        [&](int y, int x, int c) { return rgba.at(y, x, c); });
  EXPECT_EQ(decode_difference(encode_through_opencv(".bmp", rgba), expected), 0);
}

TEST(Decode16Bits, RoundsToTheNearest) {
  const Picture picture = sample_picture(16, 31);
  for (const char* ending : {".png", ".tiff"}) {
    // v * 257 is v exactly; 128 less is still nearest to v, 129 less is nearest to v - 1.
    const auto file = [&](int less) {
      return encode_16_bits(ending, picture,
                            [less](uint8_t v) { return static_cast<uint16_t>(v * 257 - less); });
    };
    const Picture darker =
        make_picture(16, 31, 3, [&](int y, int x, int c) { return picture.at(y, x, c) - 1; });
    EXPECT_EQ(decode_difference(file(0), picture), 0) << ending;
    EXPECT_EQ(decode_difference(file(128), picture), 0) << ending;
    EXPECT_EQ(decode_difference(file(129), darker), 0) << ending;
  }
}

TEST(Decode16Bits, GrayAndAlpha) {
  const auto wide = [](uint8_t v) { return static_cast<uint16_t>(v * 257); };
  const Picture gray = sample_gray();
  EXPECT_EQ(decode_difference(encode_16_bits(".png", gray, wide), gray_to_rgb(gray)), 0);
  const Picture rgba = sample_rgba();
  EXPECT_LE(decode_difference(encode_16_bits(".png", rgba, wide), over_white(rgba)), 1);
}

/// EXIF 2.32, tag Orientation: which visual side the stored row 0 and column 0 are.
struct Sides {
  int orientation;
  char row;
  char column;
};
const Sides kSides[] = {{1, 't', 'l'}, {2, 't', 'r'}, {3, 'b', 'r'}, {4, 'b', 'l'},
                        {5, 'l', 't'}, {6, 'r', 't'}, {7, 'r', 'b'}, {8, 'l', 'b'}};

/// How a camera that is held like that stores the upright picture.
Picture stored_picture(const Picture& upright, const Sides& sides) {
  const bool rows_are_columns = sides.row == 'l' || sides.row == 'r';
  const int height = rows_are_columns ? upright.width : upright.height;
  const int width = rows_are_columns ? upright.height : upright.width;
  return make_picture(height, width, 3, [&](int row, int column, int c) {
    int y = 0, x = 0;
    const auto place = [&](char side, int distance) {
      if (side == 't') y = distance;
      if (side == 'b') y = upright.height - 1 - distance;
      if (side == 'l') x = distance;
      if (side == 'r') x = upright.width - 1 - distance;
    };
    place(sides.row, row);
    place(sides.column, column);
    return upright.at(y, x, c);
  });
}

TEST(Orientation, AllEightInAllFormats) {
  const Picture upright = sample_picture(24, 40);
  for (const Sides& sides : kSides) {
    SCOPED_TRACE(sides.orientation);
    const Picture stored = stored_picture(upright, sides);
    for (bool big_endian : {false, true}) {
      const Bytes block = exif_block(sides.orientation, big_endian);
      EXPECT_LE(decode_difference(with_jpeg_exif(encode_jpeg(stored), block), upright), 4);
      EXPECT_EQ(
          decode_difference(with_png_exif(encode_through_opencv(".png", stored), block), upright),
          0);
      EXPECT_EQ(decode_difference(with_webp_exif(encode_through_opencv(".webp", stored),
                                                 stored.width, stored.height, block),
                                  upright),
                0);
    }
  }
}

TEST(Orientation, OfTiffIsItsOwnTag) {
  const Picture upright = sample_picture(24, 40);
  for (const Sides& sides : kSides) {
    for (bool big_endian : {false, true}) {
      const Picture stored = stored_picture(upright, sides);
      EXPECT_EQ(decode_difference(plain_tiff(stored, sides.orientation, big_endian), upright), 0)
          << sides.orientation;
    }
  }
}

TEST(Orientation, DamagedExifIsIgnored) {
  const Picture picture = sample_picture(24, 40);
  Bytes far_directory = exif_block(6, false);
  far_directory[4] = 0xF0;  // beyond the block
  Bytes cut = exif_block(6, true);
  cut.resize(14);
  for (const Bytes& block : {far_directory, cut, exif_block(9, false), Bytes{'I', 'I'}}) {
    EXPECT_LE(decode_difference(with_jpeg_exif(encode_jpeg(picture), block), picture), 4);
  }
}

}  // namespace
}  // namespace nearfar
