// Files that are no whole images: each is a BadImage whose message says why.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <zlib.h>

#include "framework/data/decode.h"
#include "framework/data/image_header.h"
#include "tests/framework/data/folder_tests.h"
#include "tests/framework/data/picture_files.h"

namespace nearfar {
namespace {

std::string reason(Bytes file, int64_t max_pixels = 1 << 20) {
  PixelBuffer storage;
  return message_of<BadImage>([&] { decode_image(file, max_pixels, storage); });
}

Bytes cut(Bytes file, double share) {
  file.resize(static_cast<size_t>(static_cast<double>(file.size()) * share));
  return file;
}

Bytes text(const std::string& text) { return {text.begin(), text.end()}; }

TEST(DamagedImages, NotAnImage) {
  EXPECT_EQ(reason({}), "the file is empty");
  EXPECT_EQ(reason(text("hello, this is a text")), "not a JPEG, PNG, WebP, BMP or TIFF image");
  EXPECT_EQ(reason(text("GIF89a....")), "not a JPEG, PNG, WebP, BMP or TIFF image");
}

TEST(DamagedImages, CutJpeg) {
  const Bytes jpeg = encode_jpeg(sample_picture(64, 64));
  EXPECT_EQ(reason(cut(jpeg, 0.5)), "truncated JPEG");
  EXPECT_EQ(reason(cut(jpeg, 0.99)), "truncated JPEG");
  EXPECT_EQ(reason(cut(jpeg, 0.01)), "truncated header");
}

TEST(DamagedImages, JpegMarkers) {
  EXPECT_EQ(reason({0xFF, 0xD8, 0xFF, 0xDA, 0, 2}), "JPEG without a frame header");
  EXPECT_EQ(reason({0xFF, 0xD8, 0xFF, 0xE0, 0, 1, 0}), "damaged JPEG: a segment of length 1");
  EXPECT_EQ(reason({0xFF, 0xD8, 0xFF, 0xE0, 0, 2, 0x00, 0x00}),
            "damaged JPEG: expected a marker before the frame");
}

TEST(DamagedImages, JpegScanOfNoise) {
  Bytes jpeg = encode_jpeg(sample_picture(64, 64));
  // Inside the entropy-coded data: a marker where there is none.
  jpeg[jpeg.size() - 200] = 0xFF;
  jpeg[jpeg.size() - 199] = 0xC4;
  EXPECT_TRUE(contains(reason(jpeg), "JPEG"));
}

TEST(DamagedImages, CutPngWebpBmpTiff) {
  const Picture picture = sample_picture(64, 64);
  EXPECT_EQ(reason(cut(encode_through_opencv(".png", picture), 0.6)), "truncated PNG");
  EXPECT_EQ(reason(cut(encode_through_opencv(".webp", picture), 0.6)), "truncated WebP");
  EXPECT_EQ(reason(cut(encode_through_opencv(".bmp", picture), 0.6)), "truncated BMP");
  EXPECT_NE(reason(cut(plain_tiff(picture, 1, false), 0.6)), "");
}

TEST(DamagedImages, PngWithAWrongChecksum) {
  Bytes png = encode_through_opencv(".png", sample_picture(64, 64));
  png[png.size() / 2] ^= 0x55;
  EXPECT_EQ(reason(png), "damaged PNG: a chunk has a wrong checksum");
}

TEST(DamagedImages, BombsAreStoppedByTheirHeaders) {
  Bytes png = encode_through_opencv(".png", sample_picture(8, 8));
  png[16] = 0x00;
  png[17] = 0x01;  // 65,544 wide
  const auto checksum = static_cast<uint32_t>(crc32(0, png.data() + 12, 17));
  for (int i = 0; i < 4; ++i) png[29 + i] = static_cast<uint8_t>(checksum >> (24 - 8 * i));
  EXPECT_EQ(reason(png, 1000), "the header says 65544x8 pixels, above data.max_pixels = 1000");
  const Bytes jpeg = encode_jpeg(sample_picture(40, 50));
  EXPECT_EQ(reason(jpeg, 1999), "the header says 50x40 pixels, above data.max_pixels = 1999");
  EXPECT_EQ(reason(jpeg, 2000), "");
  const Bytes bmp = encode_through_opencv(".bmp", sample_picture(40, 50));
  EXPECT_TRUE(contains(reason(bmp, 1999), "50x40"));
  const Bytes webp = encode_through_opencv(".webp", sample_picture(40, 50));
  EXPECT_TRUE(contains(reason(webp, 1999), "50x40"));
  EXPECT_TRUE(contains(reason(plain_tiff(sample_picture(40, 50), 1, true), 1999), "50x40"));
}

TEST(DamagedImages, SizesThatNobodyMeans) {
  Bytes png = encode_through_opencv(".png", sample_picture(8, 8));
  for (size_t i = 16; i < 20; ++i) png[i] = 0;
  EXPECT_EQ(reason(png), "the header says 0x8 pixels");
  for (size_t i = 16; i < 20; ++i) png[i] = 0xFF;
  EXPECT_EQ(reason(png), "the header says 4294967295x8 pixels");
}

TEST(DamagedImages, DecodedSizeMustBeTheHeaders) {
  const Bytes webp = encode_through_opencv(".webp", sample_picture(20, 30));
  EXPECT_NE(reason(with_webp_exif(webp, 31, 20, exif_block(1, false))), "");
}

TEST(DamagedImages, TiffDirectories) {
  EXPECT_EQ(reason({'I', 'I', 42, 0, 0xF0, 0xFF, 0xFF, 0xFF}), "truncated header");
  EXPECT_EQ(reason({'M', 'M', 0, 43, 0, 0, 0, 8}), "BigTIFF is not supported");
  EXPECT_EQ(reason({'I', 'I', 42, 0, 8, 0, 0, 0, 0, 0}), "TIFF without width and height");
}

// Any change of a few bytes either decodes or is a BadImage: nothing crashes, nothing else is
// thrown.
RC_GTEST_PROP(DamagedImages, ChangedBytesNeverCrash, ()) {
  static const std::vector<Bytes> files = {
      with_jpeg_exif(encode_jpeg(sample_picture(20, 30)), exif_block(6, true)),
      with_png_exif(encode_through_opencv(".png", sample_picture(20, 30)), exif_block(3, false)),
      with_webp_exif(encode_through_opencv(".webp", sample_picture(20, 30)), 30, 20,
                     exif_block(8, false)),
      encode_through_opencv(".bmp", sample_picture(20, 30)),
      plain_tiff(sample_picture(20, 30), 5, false)};
  Bytes file = files[*rc::gen::inRange<size_t>(0, files.size())];
  for (int i = *rc::gen::inRange(1, 4); i > 0; --i) {
    // Half of the changes hit the header.
    const size_t end =
        *rc::gen::arbitrary<bool>() ? std::min<size_t>(64, file.size()) : file.size();
    file[*rc::gen::inRange<size_t>(0, end)] = *rc::gen::arbitrary<uint8_t>();
  }
  if (*rc::gen::arbitrary<bool>()) file.resize(*rc::gen::inRange<size_t>(0, file.size()));
  PixelBuffer storage;
  try {
    const Image image = decode_image(file, 1 << 16, storage);
    RC_ASSERT(int64_t{image.height} * image.width <= 1 << 16);
  } catch (const BadImage& bad) {
    RC_ASSERT(std::string(bad.what()).size() > 3);
  }
}

TEST(ReadImageFile, MissingFileAndFolder) {
  TemporaryFolder folder;
  PixelBuffer bytes;
  EXPECT_TRUE(contains(message_of<BadImage>([&] { read_image_file(folder / "no.jpg", bytes); }),
                       "cannot be opened: No such file"));
  EXPECT_EQ(message_of<BadImage>([&] { read_image_file(folder.path(), bytes); }), "not a file");
}

}  // namespace
}  // namespace nearfar
