// Windows of JPEG files are, to the bit, what decoding everything gives, and are refused alike.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <random>
#include <thread>

#include "framework/data/dataset.h"
#include "framework/data/jpeg.h"
#include "tests/framework/data/folder_tests.h"
#include "tests/framework/data/jpeg_files.h"

namespace nearfar {
namespace {

using Generator = std::mt19937;

int draw_int(Generator& generator, int low, int high) {
  return std::uniform_int_distribution<int>(low, high)(generator);
}

/// [begin, end) inside [0, size): half of the ends lie within two pixels of a block's edge, where
/// upsampling looks across.
std::array<int, 2> draw_range(Generator& generator, int size) {
  const auto end_near_a_block = [&] {
    return std::clamp(draw_int(generator, 0, size / 8) * 8 + draw_int(generator, -2, 2), 0, size);
  };
  const auto place = [&] {
    return draw_int(generator, 0, 1) ? end_near_a_block() : draw_int(generator, 0, size);
  };
  int a = place();
  int b = draw_int(generator, 0, 3) ? place() : a + 1;  // a quarter are single rows or columns
  if (a > b) std::swap(a, b);
  if (a == b) ++b;
  if (b > size) return {size - 1, size};
  return {a, b};
}

Box draw_box(Generator& generator, int height, int width) {
  const auto [top, bottom] = draw_range(generator, height);
  const auto [left, right] = draw_range(generator, width);
  return {top, left, bottom - top, right - left};
}

std::string text(const Box& box) {
  return std::to_string(box.height) + "x" + std::to_string(box.width) + " at " +
         std::to_string(box.top) + "," + std::to_string(box.left);
}

Bytes decode_window(const Bytes& jpeg, int height, int width, const Box& window) {
  Bytes out(static_cast<size_t>(window.height) * window.width * 3, 0xA5);
  decode_jpeg(jpeg, height, width, window, out.data());
  return out;
}

Picture decode_everything(const Bytes& jpeg, int height, int width) {
  return {height, width, 3, decode_window(jpeg, height, width, {0, 0, height, width})};
}

class JpegWindow : public testing::TestWithParam<JpegForm> {};
INSTANTIATE_TEST_SUITE_P(Forms, JpegWindow, testing::ValuesIn(jpeg_forms()),
                         [](const testing::TestParamInfo<JpegForm>& form) {
                           std::string name = form.param.name;
                           for (char& c : name) c = std::isalnum(c) ? c : '_';
                           return name;
                         });

/// The reference is libjpeg without partial decoding; for CMYK, whose conversion is nearfar's own,
/// the whole image.
Picture reference_of(const JpegForm& form, const Bytes& jpeg, const Picture& picture) {
  return form.channels == 4 ? decode_everything(jpeg, picture.height, picture.width)
                            : decode_plainly(jpeg);
}

void expect_equal_windows(const JpegForm& form, int height, int width, int boxes,
                          Generator& generator) {
  const Picture picture = noisy_picture(height, width, form.channels, height * 1000 + width);
  const Bytes jpeg = encode_jpeg_as(form, picture);
  const Picture whole = reference_of(form, jpeg, picture);
  EXPECT_EQ(decode_everything(jpeg, height, width).pixels, whole.pixels);
  for (int i = 0; i < boxes; ++i) {
    const Box box = draw_box(generator, height, width);
    ASSERT_TRUE(decode_window(jpeg, height, width, box) == part_of(whole, box))
        << form.name << " " << height << "x" << width << ": " << text(box);
  }
}

TEST_P(JpegWindow, OfSmallImages) {
  Generator generator(1);
  for (const auto& [height, width] : std::vector<std::array<int, 2>>{
           {1, 1}, {1, 2}, {2, 1}, {3, 5}, {4, 40}, {40, 4}, {7, 8}, {8, 9}, {16, 16}, {17, 15}}) {
    expect_equal_windows(GetParam(), height, width, 60, generator);
  }
}

TEST_P(JpegWindow, OfImagesOfAnySize) {
  Generator generator(2);
  for (int i = 0; i < 25; ++i) {
    const int height = draw_int(generator, 1, 120);
    expect_equal_windows(GetParam(), height, draw_int(generator, 1, 120), 40, generator);
  }
}

TEST_P(JpegWindow, OfAPhotograph) {
  Generator generator(3);
  expect_equal_windows(GetParam(), 375, 500, 40, generator);
}

// What a training run meets first in a window, it meets in all: rows above, beside and below are
// read with the same eyes.
TEST_P(JpegWindow, DamageIsFoundWhateverTheWindow) {
  Generator generator(4);
  const Picture picture = noisy_picture(70, 90, GetParam().channels);
  const Bytes good = encode_jpeg_as(GetParam(), picture);
  int refused = 0;
  for (int i = 0; i < 150; ++i) {
    Bytes jpeg = good;
    const int scan_bytes = static_cast<int>(good.size()) * 3 / 4;
    const int at = static_cast<int>(good.size()) - draw_int(generator, 2, scan_bytes);
    if (i % 3 == 0) jpeg.resize(static_cast<size_t>(at));
    if (i % 3 == 1) jpeg[at] ^= static_cast<uint8_t>(1 << draw_int(generator, 0, 7));
    if (i % 3 == 2) jpeg[at] = 0xFF;
    Picture whole;
    const std::string verdict =
        message_of<BadImage>([&] { whole = decode_everything(jpeg, 70, 90); });
    refused += verdict.empty() ? 0 : 1;
    for (int boxes = 0; boxes < 6; ++boxes) {
      const Box box = draw_box(generator, 70, 90);
      Bytes part;
      EXPECT_EQ(message_of<BadImage>([&] { part = decode_window(jpeg, 70, 90, box); }), verdict)
          << "change " << i << " at " << at << ": " << text(box);
      EXPECT_TRUE(!verdict.empty() || part == part_of(whole, box)) << text(box);
    }
  }
  EXPECT_GT(refused, 50) << "every cut, at least";
}

TEST(JpegWindows, OfALargeImage) {
  Generator generator(5);
  for (const char* name : {"420", "422", "444", "440"}) {
    expect_equal_windows(jpeg_form(name), 2000, 3001, 4, generator);
  }
}

TEST(JpegWindows, InSeveralThreads) {
  struct Job {
    Bytes jpeg;
    Picture whole;
  };
  std::vector<Job> jobs;
  for (const JpegForm& form : jpeg_forms()) {
    const Bytes jpeg = encode_jpeg_as(form, noisy_picture(61, 83, form.channels));
    jobs.push_back({jpeg, decode_everything(jpeg, 61, 83)});
  }
  std::vector<int> wrong(4, 0);
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        Generator generator(static_cast<unsigned>(100 + t));
        for (int i = 0; i < 300; ++i) {
          const Job& job = jobs[draw_int(generator, 0, static_cast<int>(jobs.size()) - 1)];
          const Box box = draw_box(generator, 61, 83);
          if (decode_window(job.jpeg, 61, 83, box) != part_of(job.whole, box)) ++wrong[t];
        }
      });
    }
  }
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

/// The file without its segments of one kind.
Bytes without_segments(const Bytes& jpeg, uint8_t marker) {
  Bytes result(jpeg.begin(), jpeg.begin() + 2);
  size_t at = 2;
  while (jpeg[at + 1] != 0xDA) {
    const size_t next = at + 2 + static_cast<size_t>(jpeg[at + 2] * 256 + jpeg[at + 3]);
    if (jpeg[at + 1] != marker) result.insert(result.end(), &jpeg[at], &jpeg[next]);
    at = next;
  }
  result.insert(result.end(), jpeg.begin() + static_cast<int64_t>(at), jpeg.end());
  return result;
}

// libjpeg keeps tables from file to file in a decompressor that is used again.
TEST(JpegWindows, TablesAreNotThoseOfTheFileBefore) {
  const Picture picture = noisy_picture(64, 64, 3);
  const Bytes good = encode_jpeg_as(jpeg_form("progressive 420"), picture);
  const Box all{0, 0, 64, 64};
  const auto verdict = [&](uint8_t lost) {
    decode_window(good, 64, 64, all);
    return message_of<BadImage>([&] { decode_window(without_segments(good, lost), 64, 64, all); });
  };
  EXPECT_EQ(verdict(0xDB), "damaged JPEG: Quantization table 0x00 was not defined");
  EXPECT_EQ(verdict(0xC4), "damaged JPEG: Huffman table 0x00 was not defined");
  EXPECT_EQ(verdict(0xFE), "") << "there is no comment to lose";
}

}  // namespace
}  // namespace nearfar
