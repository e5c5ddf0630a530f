// Writing and plain reading of JPEG files.
#include "tests/framework/data/jpeg_files.h"

#include <cstdio>
#include <stdexcept>

#include <jpeglib.h>

namespace nearfar {
namespace {

using Factors = std::array<std::array<int, 2>, 4>;

constexpr Factors kEqual{{{1, 1}, {1, 1}, {1, 1}, {1, 1}}};

constexpr Factors luma(int horizontal, int vertical) {
  return {{{horizontal, vertical}, {1, 1}, {1, 1}, {1, 1}}};
}

std::vector<JpegForm> make_forms() {
  std::vector<JpegForm> forms{{"444", 3, kEqual},
                              {"422", 3, luma(2, 1)},
                              {"420", 3, luma(2, 2)},
                              {"440", 3, luma(1, 2)},
                              {"411", 3, luma(4, 1)},
                              {"410", 3, luma(4, 2)},
                              {"2x4", 3, luma(2, 4)},
                              {"all 2x1", 3, {{{2, 1}, {2, 1}, {2, 1}, {1, 1}}}},
                              {"luma 1x1 of 2x2", 3, {{{1, 1}, {2, 2}, {2, 2}, {1, 1}}}},
                              {"chroma apart", 3, {{{2, 2}, {2, 1}, {1, 2}, {1, 1}}}},
                              {"gray", 1, kEqual},
                              {"gray 2x2", 1, luma(2, 2)},
                              {"gray 1x2", 1, luma(1, 2)},
                              {"cmyk", 4, kEqual}};
  const auto add = [&](const char* name, Factors factors, auto&& change) {
    forms.push_back({name, 3, factors});
    change(forms.back());
  };
  add("rgb", kEqual, [](JpegForm& form) { form.stored_as_rgb = true; });
  add("ycck 420", {{{2, 2}, {1, 1}, {1, 1}, {2, 2}}}, [](JpegForm& form) {
    form.channels = 4;
    form.stored_as_ycck = true;
  });
  add("progressive 420", luma(2, 2), [](JpegForm& form) { form.progressive = true; });
  add("smoothed 420", luma(2, 2), [](JpegForm& form) { form.without_details = true; });
  add("scans 420", luma(2, 2), [](JpegForm& form) { form.one_scan_a_component = true; });
  add("arithmetic 420", luma(2, 2), [](JpegForm& form) { form.arithmetic = true; });
  add("420 restart 1", luma(2, 2), [](JpegForm& form) { form.restart_interval = 1; });
  add("420 restart 5", luma(2, 2), [](JpegForm& form) { form.restart_interval = 5; });
  add("444 restart 3", kEqual, [](JpegForm& form) { form.restart_interval = 3; });
  return forms;
}

void set_scans(const JpegForm& form, jpeg_compress_struct& codec) {
  static const jpeg_scan_info first_scan[] = {{3, {0, 1, 2, 0}, 0, 0, 0, 0}};
  static const jpeg_scan_info three_scans[] = {
      {1, {0}, 0, 63, 0, 0}, {1, {1}, 0, 63, 0, 0}, {1, {2}, 0, 63, 0, 0}};
  if (form.progressive) jpeg_simple_progression(&codec);
  if (form.without_details) {
    codec.scan_info = first_scan;
    codec.num_scans = 1;
  }
  if (form.one_scan_a_component) {
    codec.scan_info = three_scans;
    codec.num_scans = 3;
  }
}

void set_form(const JpegForm& form, jpeg_compress_struct& codec) {
  if (form.stored_as_rgb) jpeg_set_colorspace(&codec, JCS_RGB);
  if (form.stored_as_ycck) jpeg_set_colorspace(&codec, JCS_YCCK);
  jpeg_set_quality(&codec, 92, TRUE);
  for (int i = 0; i < codec.num_components; ++i) {
    codec.comp_info[i].h_samp_factor = form.factors[i][0];
    codec.comp_info[i].v_samp_factor = form.factors[i][1];
  }
  codec.arith_code = form.arithmetic ? TRUE : FALSE;
  codec.restart_interval = static_cast<unsigned>(form.restart_interval);
  set_scans(form, codec);
}

}  // namespace

const std::vector<JpegForm>& jpeg_forms() {
  static const std::vector<JpegForm> forms = make_forms();
  return forms;
}

const JpegForm& jpeg_form(const std::string& name) {
  for (const JpegForm& form : jpeg_forms()) {
    if (form.name == name) return form;
  }
  throw std::invalid_argument("no JPEG form " + name);
}

Picture noisy_picture(int height, int width, int channels, int seed) {
  uint32_t state = 2463534242u + static_cast<uint32_t>(seed);
  return make_picture(height, width, channels, [&](int y, int x, int c) {
    state ^= state << 13;  // Marsaglia's xorshift
    state ^= state >> 17;
    state ^= state << 5;
    return static_cast<int>(state % 90) + (5 * y + 3 * x * (c + 1)) % 166;
  });
}

Bytes encode_jpeg_as(const JpegForm& form, const Picture& picture) {
  return write_jpeg(picture, [&](jpeg_compress_struct& codec) { set_form(form, codec); });
}

Picture decode_plainly(const Bytes& jpeg) {
  jpeg_decompress_struct codec{};
  jpeg_error_mgr errors{};
  codec.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&codec);
  jpeg_mem_src(&codec, jpeg.data(), jpeg.size());
  jpeg_read_header(&codec, TRUE);
  codec.out_color_space = JCS_RGB;
  jpeg_start_decompress(&codec);
  Picture picture{
      static_cast<int>(codec.output_height), static_cast<int>(codec.output_width), 3, {}};
  picture.pixels.resize(size_t{codec.output_height} * codec.output_width * 3);
  while (codec.output_scanline < codec.output_height) {
    JSAMPROW row = picture.pixels.data() + size_t{codec.output_scanline} * codec.output_width * 3;
    jpeg_read_scanlines(&codec, &row, 1);
  }
  jpeg_finish_decompress(&codec);
  jpeg_destroy_decompress(&codec);
  return picture;
}

Bytes part_of(const Picture& picture, const Box& box) {
  Bytes part;
  for (int y = box.top; y < box.top + box.height; ++y) {
    const auto row =
        picture.pixels.begin() + (int64_t{y} * picture.width + box.left) * picture.channels;
    part.insert(part.end(), row, row + int64_t{box.width} * picture.channels);
  }
  return part;
}

}  // namespace nearfar
