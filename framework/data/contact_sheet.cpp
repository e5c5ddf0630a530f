// Layout and rendering of contact sheets.
#include "framework/data/contact_sheet.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "augment/render.h"
#include "framework/data/images_library.h"
#include "framework/error.h"

namespace nearfar {
namespace {

constexpr int kSmallestCell = 84;
constexpr int kGap = 4;

/// Where cells lie on the sheet.
struct Grid {
  int cell = 0;
  int rows = 0;
  int columns = 0;
  int top(int row) const { return kGap + row * (cell + kGap); }
  int left(int column) const { return kGap + column * (cell + kGap); }
};

Picture blank(const Grid& grid) {
  Picture picture{grid.top(grid.rows), grid.left(grid.columns), {}};
  picture.pixels.assign(static_cast<size_t>(picture.height) * picture.width * 3, 255);
  return picture;
}

uint8_t to_byte(float value) {
  return static_cast<uint8_t>(std::lround(std::clamp(value, 0.0f, 1.0f) * 255.0f));
}

/// Copies [size, size, channels] floats into a cell, each pixel as a square of `zoom` pixels,
/// centred.
void paste(const std::vector<float>& pixels, Size size, int channels, int zoom, const Grid& grid,
           int row, int column, Picture& sheet) {
  const int top = grid.top(row) + (grid.cell - size.height * zoom) / 2;
  const int left = grid.left(column) + (grid.cell - size.width * zoom) / 2;
  for (int y = 0; y < size.height * zoom; ++y) {
    for (int x = 0; x < size.width * zoom; ++x) {
      const float* from =
          &pixels[(static_cast<size_t>(y / zoom) * size.width + x / zoom) * channels];
      uint8_t* to = &sheet.pixels[(static_cast<size_t>(top + y) * sheet.width + left + x) * 3];
      for (int c = 0; c < 3; ++c) to[c] = to_byte(from[channels == 3 ? c : 0]);
    }
  }
}

/// The largest size of the image's shape inside a square.
Size fitted(const Image& image, int side) {
  const double scale = static_cast<double>(side) / std::max(image.full_height, image.full_width);
  return {std::max(1, static_cast<int>(std::lround(image.full_height * scale))),
          std::max(1, static_cast<int>(std::lround(image.full_width * scale)))};
}

std::vector<float> render_alone(const Image& image, const View& view, Size size,
                                Interpolation interpolation) {
  RenderScratch scratch;
  std::vector<float> pixels(static_cast<size_t>(size.height) * size.width * image.channels);
  render_view(image, view, {size, interpolation, Normalize{}}, scratch, pixels.data());
  return pixels;
}

int zoom_of(int64_t size, int cell) { return std::max<int>(1, cell / static_cast<int>(size)); }

}  // namespace

Picture contact_sheet(const Dataset& dataset, std::span<const int64_t> indices,
                      const std::vector<ViewPolicy>& policies, int repeats, uint64_t seed) {
  Grid grid;
  for (const ViewPolicy& policy : policies)
    grid.cell = std::max(grid.cell, static_cast<int>(policy.size));
  if (grid.cell < kSmallestCell) grid.cell *= (kSmallestCell + grid.cell - 1) / grid.cell;
  grid.rows = static_cast<int>(indices.size());
  grid.columns = 1 + static_cast<int>(policies.size()) * repeats;
  Picture sheet = blank(grid);
  PixelBuffer storage;
  for (int row = 0; row < grid.rows; ++row) {
    const int64_t index = indices[row];
    Image image;
    try {
      image = dataset.read(index, storage);
    } catch (const BadImage&) {
      continue;
    }
    const View whole{{0, 0, image.full_height, image.full_width}};
    const Size size = fitted(image, grid.cell);
    paste(render_alone(image, whole, size, Interpolation::bilinear), size, image.channels, 1, grid,
          row, 0, sheet);
    for (int repeat = 0; repeat < repeats; ++repeat) {
      for (size_t v = 0; v < policies.size(); ++v) {
        Random random(seed, repeat, index, Purpose::view, static_cast<uint8_t>(v));
        const View view = draw(policies[v], image.full_height, image.full_width, random);
        const int side = static_cast<int>(policies[v].size);
        const auto filter = policies[v].interpolation == "bicubic" ? Interpolation::bicubic
                                                                   : Interpolation::bilinear;
        paste(render_alone(image, view, {side, side}, filter), {side, side}, image.channels,
              zoom_of(side, grid.cell), grid, row,
              1 + repeat * static_cast<int>(policies.size()) + static_cast<int>(v), sheet);
      }
    }
  }
  return sheet;
}

std::vector<int64_t> spread_indices(int64_t size, int64_t count) {
  std::vector<int64_t> indices;
  for (int64_t i = 0; i < std::min(size, count); ++i) {
    indices.push_back(i * size / std::min(size, count));
  }
  return indices;
}

std::vector<uint8_t> encode_png(const Picture& picture) {
  std::vector<uint8_t> file;
  const auto receive = [](void* context, const uint8_t* bytes, size_t size) {
    static_cast<std::vector<uint8_t>*>(context)->assign(bytes, bytes + size);
  };
  std::array<char, 256> message{};
  if (images_library().encode_png(picture.pixels.data(), picture.height, picture.width, receive,
                                  &file, message.data(), message.size()) != 0) {
    throw EnvironmentError(std::string("PNG: ") + message.data());
  }
  return file;
}

}  // namespace nearfar
