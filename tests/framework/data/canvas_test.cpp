// Drawing on canvases: what is painted, and that nothing is painted outside.
#include "framework/data/canvas.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "framework/data/crop_marks.h"
#include "framework/data/glyphs.h"

namespace nearfar {
namespace {

constexpr Rgb8 kPaperColor{250, 251, 252};
constexpr Rgb8 kInkColor{1, 2, 3};

Rgb8 at(const Canvas& canvas, int y, int x) {
  const uint8_t* pixel = &canvas.pixels[static_cast<size_t>((y * canvas.width + x) * 3)];
  return {pixel[0], pixel[1], pixel[2]};
}

/// The canvas in letters: '#' for ink, '.' for paper, '?' for anything else.
std::vector<std::string> in_letters(const Canvas& canvas) {
  std::vector<std::string> rows;
  for (int y = 0; y < canvas.height; ++y) {
    std::string row;
    for (int x = 0; x < canvas.width; ++x) {
      const Rgb8 color = at(canvas, y, x);
      row += color == kInkColor ? '#' : color == kPaperColor ? '.' : '?';
    }
    rows.push_back(row);
  }
  return rows;
}

TEST(CanvasDrawing, FillsAndOutlinesByEveryPixelsDistanceToTheEdge) {
  // Seed 1; boxes inside, across the border, outside, empty, thinner than the outline.
  std::mt19937 random(1);
  const auto draw = [&](int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random);
  };
  for (int trial = 0; trial < 300; ++trial) {
    const Box box{draw(-8, 20), draw(-8, 20), draw(0, 18), draw(0, 18)};
    const int thickness = draw(1, 5);
    Canvas filled = make_canvas(17, 13, kPaperColor);
    Canvas framed = filled;
    fill(filled, box, kInkColor);
    outline(framed, box, thickness, kInkColor);
    for (int y = 0; y < 17; ++y) {
      for (int x = 0; x < 13; ++x) {
        const int inside = std::min({y - box.top, x - box.left, box.top + box.height - 1 - y,
                                     box.left + box.width - 1 - x});
        ASSERT_EQ(at(filled, y, x) == kInkColor, inside >= 0);
        ASSERT_EQ(at(framed, y, x) == kInkColor, inside >= 0 && inside < thickness);
      }
    }
  }
}

TEST(CanvasDrawing, WordsAreMadeOfGlyphs) {
  Canvas canvas = make_canvas(kGlyphHeight, 2 * kGlyphWidth, kPaperColor);
  write_words(canvas, 0, 0, "L1", kInkColor);
  EXPECT_EQ(in_letters(canvas), (std::vector<std::string>{
                                    "............",
                                    "............",
                                    "#.......#...",
                                    "#......##...",
                                    "#.....#.#...",
                                    "#.......#...",
                                    "#.......#...",
                                    "#.......#...",
                                    "#.......#...",
                                    "#.......#...",
                                    "#####.#####.",
                                    "............",
                                    "............",
                                }));
  EXPECT_EQ(words_width("L1"), canvas.width);
}

TEST(CanvasDrawing, BoldIsWiderAndHoldsTheRegularGlyph) {
  for (char character = '!'; character <= '~'; ++character) {
    Canvas regular = make_canvas(kGlyphHeight, kGlyphWidth + 1, kPaperColor);
    Canvas bold = regular;
    write_words(regular, 0, 0, std::string(1, character), kInkColor);
    write_words(bold, 0, 0, std::string(1, character), kInkColor, Weight::bold);
    int ink = 0, more = 0;
    for (int y = 0; y < kGlyphHeight; ++y) {
      for (int x = 0; x <= kGlyphWidth; ++x) {
        const bool set = at(regular, y, x) == kInkColor;
        ink += set ? 1 : 0;
        more += at(bold, y, x) == kInkColor ? 1 : 0;
        if (set) {
          ASSERT_EQ(at(bold, y, x), kInkColor) << character;
        }
      }
    }
    EXPECT_GT(ink, 0) << character;
    EXPECT_GT(more, ink) << character;
  }
}

TEST(CanvasDrawing, NoTwoCharactersLookAlike) {
  std::set<std::vector<uint8_t>> seen;
  for (char character = ' '; character <= '~'; ++character) {
    const auto rows = glyph_rows(character);
    EXPECT_TRUE(seen.emplace(rows.begin(), rows.end()).second) << character;
    for (const uint8_t row : rows) EXPECT_EQ(row & 3, 0) << character << ": wider than six pixels";
  }
  const auto unknown = glyph_rows('\x80');
  EXPECT_TRUE(std::equal(unknown.begin(), unknown.end(), glyph_rows('?').begin()));
}

TEST(CanvasDrawing, WordsOutsideAreLeftOut) {
  Canvas canvas = make_canvas(5, 5, kPaperColor);
  for (const int offset : {-100, -7, 4, 5, 100})
    write_words(canvas, offset, offset, "Wg", kInkColor);
  EXPECT_EQ(canvas.pixels.size(), 75u);
}

TEST(CanvasWords, OnlyPrintableCharactersStay) {
  EXPECT_EQ(printable("a b~"), "a b~");
  EXPECT_EQ(printable("K\xc3\xa4tzchen \xe7\x8c\xab.jpg\n"), "K?tzchen ?.jpg?");
}

TEST(CanvasWords, LinesBreakBetweenParts) {
  using Lines = std::vector<std::string>;
  EXPECT_EQ(wrap({"crop 43% 1.21", "flip", "gray"}, ", ", 40), Lines{"crop 43% 1.21, flip, gray"});
  EXPECT_EQ(wrap({"crop 43% 1.21", "flip", "gray"}, ", ", 19),
            (Lines{"crop 43% 1.21,", "flip, gray"}));
  EXPECT_EQ(wrap({"abcdefgh", "i"}, ", ", 3), (Lines{"abc", "def", "gh,", "i"}));
  EXPECT_EQ(wrap({}, ", ", 5), Lines{});
  EXPECT_EQ(wrap_text("  some words  of a text", 7), (Lines{"some", "words", "of a", "text"}));
}

TEST(CanvasWords, NoLineIsLongerAndNothingIsLost) {
  std::mt19937 random(2);
  for (int trial = 0; trial < 500; ++trial) {
    std::vector<std::string> parts(random() % 8);
    std::string all;
    for (std::string& part : parts) {
      part.assign(1 + random() % 12, static_cast<char>('a' + random() % 26));
      all += part;
    }
    const int columns = 1 + static_cast<int>(random() % 15);
    std::string kept;
    for (const std::string& line : wrap(parts, " ", columns)) {
      ASSERT_LE(line.size(), static_cast<size_t>(columns));
      for (const char c : line) kept += c == ' ' ? "" : std::string(1, c);
    }
    ASSERT_EQ(kept, all);
  }
}

/// The largest difference of two colours in one channel.
int distance(Rgb8 a, Rgb8 b) {
  return std::max(
      {std::abs(a.red - b.red), std::abs(a.green - b.green), std::abs(a.blue - b.blue)});
}

TEST(CropMarks, AreSeenOnAnyBackground) {
  for (size_t policy = 0; policy < 12; ++policy) {
    for (const int gray : {0, 60, 128, 200, 255}) {
      const auto value = static_cast<uint8_t>(gray);
      Canvas canvas = make_canvas(60, 60, {value, value, value});
      draw_crop_marks(canvas, {{{10, 12, 30, 34}, policy}});
      // From outside to inside along a row that holds no tag: black, twice the colour, white.
      const int y = policy % 4 >= 2 ? 14 : 30;
      EXPECT_EQ(at(canvas, y, 11), (Rgb8{value, value, value}));
      EXPECT_EQ(at(canvas, y, 12), (Rgb8{0, 0, 0}));
      EXPECT_EQ(at(canvas, y, 13), policy_color(policy));
      EXPECT_EQ(at(canvas, y, 14), policy_color(policy));
      EXPECT_EQ(at(canvas, y, 15), (Rgb8{255, 255, 255}));
      EXPECT_EQ(at(canvas, 39, 45), (Rgb8{0, 0, 0})) << "the last pixel of the box";
      EXPECT_EQ(at(canvas, 40, 46), (Rgb8{value, value, value}));
    }
  }
}

TEST(CropMarks, TenPoliciesHaveColoursOfTheirOwn) {
  for (size_t a = 0; a < 10; ++a) {
    for (size_t b = 0; b < a; ++b) EXPECT_GT(distance(policy_color(a), policy_color(b)), 30);
  }
  EXPECT_EQ(policy_color(10), policy_color(0));
}

TEST(CropMarks, SmallBoxesShowAboveLargeOnes) {
  Canvas canvas = make_canvas(80, 80, {9, 9, 9});
  draw_crop_marks(canvas, {{{20, 20, 8, 8}, 0}, {{5, 5, 70, 70}, 1}, {{22, 0, 30, 80}, 2}});
  EXPECT_EQ(at(canvas, 24, 21), policy_color(0));
}

}  // namespace
}  // namespace nearfar
