// Boxes, numbers and colours of views.
#include "framework/data/crop_marks.h"

#include <algorithm>
#include <array>
#include <string>

#include "framework/data/glyphs.h"

namespace nearfar {
namespace {

constexpr Rgb8 kBlack{0, 0, 0};
constexpr Rgb8 kWhite{255, 255, 255};
constexpr int kLine = 2;
constexpr int kHalo = 1;
constexpr int kBorder = kHalo + kLine + kHalo;

constexpr std::array<Rgb8, 10> kPalette = {{{213, 94, 0},
                                            {0, 114, 178},
                                            {0, 158, 115},
                                            {204, 121, 167},
                                            {230, 159, 0},
                                            {86, 180, 233},
                                            {240, 228, 66},
                                            {106, 61, 154},
                                            {140, 86, 75},
                                            {127, 127, 127}}};

std::string number_of(size_t policy) { return std::to_string(policy + 1); }

/// Rec. 601 luma.
bool is_light(Rgb8 color) {
  return 299 * color.red + 587 * color.green + 114 * color.blue > 150 * 1000;
}

Box shrunk(const Box& box, int by) {
  return {box.top + by, box.left + by, std::max(0, box.height - 2 * by),
          std::max(0, box.width - 2 * by)};
}

/// Each policy has a corner of its own, so that tags of equal boxes do not cover each other.
void draw_corner_tag(Canvas& canvas, const CropMark& mark) {
  const Size tag = policy_tag_size(mark.policy);
  const Box inside = shrunk(mark.box, kBorder);
  if (inside.height < tag.height || inside.width < tag.width) return;
  const bool right = mark.policy % 2 == 1;
  const bool low = mark.policy % 4 >= 2;
  draw_policy_tag(canvas, mark.policy, inside.top + (low ? inside.height - tag.height : 0),
                  inside.left + (right ? inside.width - tag.width : 0));
}

}  // namespace

Rgb8 policy_color(size_t policy) { return kPalette[policy % kPalette.size()]; }

Size policy_tag_size(size_t policy) {
  return {kGlyphHeight + 1, words_width(number_of(policy)) + 5};
}

void draw_policy_tag(Canvas& canvas, size_t policy, int top, int left) {
  const Size size = policy_tag_size(policy);
  const Rgb8 color = policy_color(policy);
  fill(canvas, {top, left, size.height, size.width}, color);
  write_words(canvas, top, left + 2, number_of(policy), is_light(color) ? kBlack : kWhite,
              Weight::bold);
}

void draw_crop_marks(Canvas& canvas, std::vector<CropMark> marks) {
  std::stable_sort(marks.begin(), marks.end(), [](const CropMark& a, const CropMark& b) {
    return a.box.height * a.box.width > b.box.height * b.box.width;
  });
  for (const CropMark& mark : marks) {
    outline(canvas, mark.box, kHalo, kBlack);
    outline(canvas, shrunk(mark.box, kHalo), kLine, policy_color(mark.policy));
    outline(canvas, shrunk(mark.box, kHalo + kLine), kHalo, kWhite);
  }
  for (const CropMark& mark : marks) draw_corner_tag(canvas, mark);
}

}  // namespace nearfar
